// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * A camera's tile: its connection, its picture and what is said about it.
 *
 * @module tile/tile
 */

import { setText } from '../dom.js';
import { WhepClient } from '../whep/client.js';
import { WhepError } from '../whep/errors.js';
import { newestTimestamp } from '../whep/receiver.js';
import { Age } from './age.js';
import { showFigures } from './figures.js';
import { FullScreen } from './full.js';
import { BADGES, judge } from './judge.js';
import { buildTile } from './parts.js';
import { Picture } from './picture.js';
import { Progress, QUIET_MS, hasDelivered } from './progress.js';
import { whyLate } from './reasons.js';
import { StatsReader, noStats } from './stats.js';
import { duration } from './units.js';

const STATS_MS = 1_000;
/** What the bridge has said of a camera holds for so long. */
const TOLD_MS = 1_500;
/** As long as the bridge has not said it. */
const STALE_AFTER_S = 0.3;
/** A tick that comes a little early still counts. */
const STATS_SLACK_MS = 100;

/** @typedef {import('./stats.js').Stats} Stats */
/** @typedef {import('../bridge.js').Bridge} Bridge */
/** @typedef {import('../bridge.js').Camera} Camera */

/** @typedef {import('./judge.js').TileState} TileState */
/** @typedef {import('./judge.js').View} View */

/**
 * @typedef {object} TileContext what a tile asks of the page
 * @property {() => Bridge | null} bridge
 * @property {() => boolean} reachable
 * @property {import('../age/asker.js').Asker} asker knows when pictures were captured
 * @property {string | null} codec
 * @property {() => void} onDoubt called while nothing arrives: is the bridge still there?
 * @property {(tile: Tile) => void} onState called when the state has changed
 * @property {() => void} onAspect called when the picture has another shape
 */

/** A camera on the page: its connection, its picture and what is said about it. */
export class Tile {
  #context;
  #camera;
  #client;
  #picture;
  #progress = new Progress();
  #full;
  #parts;
  #listeners = new AbortController();
  /** @type {StatsReader | null} */
  #statsReader = null;
  #statsAt = 0;
  /** When the bridge described the camera. */
  #toldAt = 0;
  #age;
  /** @type {import('./freshness.js').Judgement} */
  #judgement = { level: 'none', age: null, bound: true, still: 0 };
  /** @type {TileState} */
  #state = 'connecting';

  /** @type {Stats} */
  stats = noStats();

  /**
   * @param {Camera} camera
   * @param {TileContext} context
   */
  constructor(camera, context) {
    this.#camera = camera;
    this.#context = context;
    const { element, parts } = buildTile(camera.name);
    this.element = element;
    this.#parts = parts;
    this.video = parts.video;
    this.#age = new Age(parts);
    this.#picture = new Picture(parts.video, parts.last, this.#listeners.signal, {
      capture: (rtp) => context.asker.captures.find(camera.name, rtp),
      rtp: () => newestTimestamp(this.pc),
      onFrame: (frame) => this.#onFrame(frame),
    });
    this.#full = new FullScreen(element, parts.full, this.#listeners.signal);
    this.#client = new WhepClient({
      url: new URL(`whep/${encodeURIComponent(camera.name)}`, document.baseURI),
      iceServers: () => context.bridge()?.ice_servers ?? [],
      codec: context.codec,
      onChange: () => this.#onConnection(),
      onDoubt: () => this.doubt(),
      onEnding: () => this.#picture.keep(),
    });
    this.#listen();
    this.update(camera);
    this.#client.start();
  }

  get name() {
    return this.#camera.name;
  }

  get state() {
    return this.#state;
  }

  get pc() {
    return this.#client.pc;
  }

  get reconnects() {
    return this.#client.reconnects;
  }

  /**
   * The frame that was shown last: its timestamp, and when it was captured and shown, in ms of `performance.now()`.
   *
   * @returns {{ rtp: number, captured: number | null, at: number } | null} null if the browser tells nothing of it
   */
  get shown() {
    const { frame, capture } = this.#picture;
    if (frame === null || frame.rtp === null) return null;
    return { rtp: frame.rtp, captured: capture?.at ?? null, at: frame.at };
  }

  /** How old that is now, in ms; null as long as it is not known. */
  get age() {
    const captured = this.shown?.captured ?? null;
    return captured === null || document.hidden ? null : performance.now() - captured;
  }

  /** How fresh what is shown is. */
  get freshness() {
    return this.#judgement.level;
  }

  /** The present state in a word or two. */
  get badge() {
    return this.#state === 'live' && this.freshness === 'late' ? 'Late' : BADGES[this.#state];
  }

  /** What a screen reader says of the present state. */
  get announcement() {
    const { text, markText } = this.#parts;
    const why = (this.#state === 'live' ? markText : text).textContent;
    return `${this.name}: ${this.badge.toLowerCase()}.${why ? ` ${why}` : ''}`;
  }

  /** Width by height of the picture, as far as known. */
  get aspect() {
    const { width, height } = this.#camera;
    return this.#picture.aspect ?? (width && height ? width / height : 16 / 9);
  }

  /** @param {Camera} camera what the bridge says now */
  update(camera) {
    const aspect = this.aspect;
    const wasDelivering = this.#camera.state === 'live';
    this.#camera = camera;
    if (camera.state === 'live' && !wasDelivering) this.#progress.noteDecoded(performance.now());
    if (this.aspect !== aspect) this.#context.onAspect();
    this.#parts.name.title = camera.topic;
    this.#client.hold(camera.state === 'inactive');
    this.#toldAt = performance.now();
    if (this.#progress.misses(camera, this.#toldAt)) this.#client.challenge();
    this.#render();
  }

  /**
   * The bridge has started anew.
   *
   * @param {number} lastSeenAt when the one before was last heard of
   */
  onNewInstance(lastSeenAt) {
    this.#client.renew(lastSeenAt);
  }

  /** There is a sign that the connection is lost: unless something arrives, another one is begun beside it. */
  doubt() {
    if (this.#client.state !== 'connected' || document.hidden) return;
    this.#progress.doubt(performance.now());
    this.#context.onDoubt();
  }

  retryNow() {
    this.#client.retryNow();
  }

  /** The page is seen again: what was live so far has a moment to show it. */
  onVisible() {
    this.#progress.noteDecoded(performance.now());
    if (this.#state === 'live') this.#picture.noteSeenAgain();
    this.#picture.play();
    this.retryNow();
  }

  /** To be called a few times a second. */
  tick() {
    const now = performance.now();
    if (now - this.#statsAt >= STATS_MS - STATS_SLACK_MS) {
      this.#statsAt = now;
      void this.#readStats();
    }
    this.#doubtIfSilent(now);
    this.#giveUpIfStalled(now);
    this.#render();
    this.#age.look(now, this.#judgement, this.shown?.captured != null, this.#staleAfter);
  }

  close() {
    this.#listeners.abort();
    this.#client.close();
    this.#picture.show(null);
    this.element.remove();
  }

  /** Fills the screen with this tile, or gives the screen back. */
  async toggleFull() {
    if (this.#picture.blocked) {
      // What the browser has waited for is a touch or a key, and this was one.
      this.#picture.play();
    } else {
      await this.#full.toggle();
    }
  }

  leaveMaximised() {
    this.#full.maximise(false);
  }

  #listen() {
    const { signal } = this.#listeners;
    const { full, picture, retry, video } = this.#parts;
    full.addEventListener('click', () => void this.toggleFull(), { signal });
    retry.addEventListener('click', () => this.retryNow(), { signal });
    for (const type of ['loadeddata', 'resize']) {
      video.addEventListener(type, () => this.#onShape(), { signal });
    }
    picture.addEventListener('click', (event) => {
      if (!(event.target instanceof Element && event.target.closest('button'))) void this.toggleFull();
    }, { signal });
  }

  #onShape() {
    this.#render();
    this.#context.onAspect();
  }

  #onConnection() {
    const { pc, stream, state } = this.#client;
    if (this.#statsReader?.pc !== pc) {
      this.#statsReader = pc && new StatsReader(pc);
      this.stats = noStats();
    }
    if (state === 'connected') this.#progress.begin(performance.now());
    this.#picture.show(stream);
    this.#render();
  }

  async #readStats() {
    const reader = this.#statsReader;
    if (!reader) return;
    const stats = await reader.read().catch(noStats);
    if (reader !== this.#statsReader) return;
    if (stats.kbps > 0) this.#progress.noteHeard(performance.now());
    if (stats.framesDecoded > this.stats.framesDecoded) {
      this.#progress.noteDecoded(performance.now());
    }
    this.#picture.onDecoded(stats.framesDecoded);
    this.stats = stats;
    this.#showFigures();
  }

  /** @param {number} now */
  #doubtIfSilent(now) {
    const { lastPictureAge, hasBegun } = this.#picture;
    if (!hasBegun || lastPictureAge === null) return;
    this.#progress.noteHeard(now - lastPictureAge);
    if (this.#progress.silence(now) > QUIET_MS) void this.#hear();
    if (this.#progress.tooQuiet(now, this.#picture.patience)) this.doubt();
    if (this.#progress.trustAgain()) this.#client.withdraw();
  }

  /** Whether something arrives of which nothing is shown: a weak link, which another connection would not mend. */
  async #hear() {
    const reader = this.#statsReader;
    const heard = await reader?.hears().catch(() => false);
    if (heard && reader === this.#statsReader) this.#progress.noteHeard(performance.now());
  }

  /** @param {number} now */
  #giveUpIfStalled(now) {
    const delivered = now - this.#toldAt < TOLD_MS && hasDelivered(this.#camera, now - this.#toldAt);
    const stalled = this.#progress.stalled(now, this.#picture.patience);
    if (delivered && stalled && this.#client.state === 'connected' && !document.hidden) {
      this.#client.abandon(new WhepError('The camera delivers, but no picture arrived over this connection.'));
    }
  }

  /** @param {import('./picture.js').Frame} frame */
  #onFrame({ at }) {
    const { capture } = this.#picture;
    if (capture) this.#age.note(at, at - capture.at);
    else this.#context.asker.hurry(); // since it was asked, the camera has begun
  }

  #render() {
    const wasLate = this.freshness === 'late';
    this.#judgement = this.#picture.judge(performance.now(), this.#staleAfter);
    const reasons = this.#reasons();
    const view = judge({
      client: this.#client,
      camera: this.#camera,
      reachable: this.#context.reachable(),
      blocked: this.#picture.blocked,
      judgement: this.#judgement,
      reasons,
    });
    const changed = view.state !== this.#state;
    if (changed && this.#state === 'live') this.#picture.keep();
    this.#state = view.state;
    if (view.state === 'live') {
      this.#client.confirm();
      this.#picture.adaptToRate(this.#camera.rate, this.#camera.patience);
    }
    this.#show(view);
    this.#age.mark(view.state === 'live' ? this.#judgement : null, whyLate(reasons), this.#camera.loss);
    if (changed || wasLate !== (this.freshness === 'late')) this.#context.onState(this);
  }

  /** ms from its capture, after which a picture is marked */
  get #staleAfter() {
    return 1000 * (this.#context.bridge()?.stale_after ?? STALE_AFTER_S);
  }

  /** @returns {import('./reasons.js').Facts} */
  #reasons() {
    const now = performance.now();
    const { asker } = this.#context;
    const { age, still } = this.#judgement;
    return {
      camera: this.#camera,
      still,
      silence: asker.silence(now),
      heard: this.#progress.silence(now) < still - QUIET_MS,
      ageMs: age ?? 0,
      cameraMs: asker.captures.lag(this.name) ?? 0,
      deviceMs: this.#picture.frame?.waited ?? 0,
      roundTripMs: this.stats.rttMs >= 0 ? this.stats.rttMs : asker.clock.roundTrip,
    };
  }

  /** @param {View} view */
  #show({ state, title = '', text = '' }) {
    const { badge, message, ...parts } = this.#parts;
    this.element.dataset.state = state;
    this.element.dataset.freshness = this.freshness;
    setText(badge, this.badge);
    message.hidden = state === 'live';
    this.#picture.cover(state !== 'live');
    setText(parts.title, title);
    setText(parts.text, text);
    setText(parts.detail, this.#detail());
    this.#offerRetry(this.#client.retryAt !== null && !this.#client.mustWait);
    if (state !== 'live') this.#showFigures();
  }

  /** @param {boolean} offered */
  #offerRetry(offered) {
    const { retry, full } = this.#parts;
    // Whoever has pressed the button by key keeps their place on the page.
    if (!offered && document.activeElement === retry) full.focus();
    retry.hidden = !offered;
  }

  /** When to expect what: the next attempt, and how old the picture in the background is. */
  #detail() {
    const { retryAt } = this.#client;
    const { lastPictureAge } = this.#picture;
    const details = [];
    if (retryAt !== null) details.push(`Next try in ${Math.ceil(Math.max(0, retryAt - performance.now()) / 1000)} s`);
    // A frozen picture is dated in the title, but where there is more to say.
    const dated = this.freshness === 'frozen' && (this.#state === 'frozen' || this.#state === 'no-picture');
    if (lastPictureAge !== null && !dated) {
      details.push(`Last picture ${duration(lastPictureAge)} ago`);
    }
    return details.join(' · ');
  }

  #showFigures() {
    showFigures(this.#parts, this.stats, this.#camera, this.#client.state === 'connected');
  }
}
