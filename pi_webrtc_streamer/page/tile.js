/**
 * A camera's tile: its connection, its picture and what is said about it.
 *
 * @module tile
 */

import { find, setText } from './dom.js';
import { Picture } from './picture.js';
import { StatsReader, noStats } from './stats.js';
import { WhepClient, WhepError } from './whep.js';

const STATS_MS = 1_000;
/** A tick that comes a little early still counts. */
const STATS_SLACK_MS = 100;

/** A picture counts as frozen after three frames' time, within these bounds. */
const FROZEN_MIN_MS = 750;
const FROZEN_MAX_MS = 3_000;

/** A connection over which nothing arrives for so long, although the camera delivers, is given up. */
const SILENT_MS = 2_000;

/**
 * The same, where something arrives and nothing is decoded. A weak link takes some seconds to be given pictures that
 * it carries; another connection would begin with too large ones again.
 */
const UNDECODED_MS = 6_000;

/** The bridge sends half of the camera's width and less to whom the network does not carry more. */
const REDUCED = 0.75;

/** The camera delivers if its newest frame was no older than this, in seconds. */
const FRESH_AGE_S = 1;

/** @typedef {import('./stats.js').Stats} Stats */
/** @typedef {import('./bridge.js').Bridge} Bridge */
/** @typedef {import('./bridge.js').Camera} Camera */

/** @typedef {'connecting' | 'live' | 'frozen' | 'no-picture' | 'reconnecting' | 'offline' | 'blocked'} TileState */

/** @type {Record<TileState, string>} */
export const BADGES = {
  connecting: 'Connecting',
  live: 'Live',
  frozen: 'Frozen',
  'no-picture': 'No picture',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
  blocked: 'Paused',
};

/** Camera states in which the bridge has no picture to send. */
const FAULTS = new Set(['waiting', 'stale', 'error', 'inactive']);

/**
 * @typedef {object} View what a tile shows
 * @property {TileState} state
 * @property {string} [title]
 * @property {string} [text]
 */

/**
 * What the operator is told. What arrives counts more than what anybody says of it.
 *
 * @param {object} facts
 * @param {WhepClient} facts.client
 * @param {Camera} facts.camera as the bridge described it last
 * @param {boolean} facts.reachable whether the bridge answers
 * @param {boolean} facts.blocked whether the browser refuses to play
 * @param {number | null} facts.frameAge ms since a frame of this session was shown; null before the first
 * @param {number} facts.frozenAfter ms
 * @returns {View}
 */
function judge({ client, camera, reachable, blocked, frameAge, frozenAfter }) {
  const fault = reachable && FAULTS.has(camera.state) ? camera.reason || `The camera is ${camera.state}.` : '';
  if (client.state === 'connected') {
    if (blocked) {
      return { state: 'blocked', title: 'Tap to start', text: 'The browser does not play video before you touch it.' };
    }
    if (frameAge !== null && frameAge < frozenAfter) return { state: 'live' };
    if (!reachable) return unreachable();
    if (fault) return { state: 'no-picture', title: 'No picture', text: fault };
    if (frameAge === null) return { state: 'connecting', title: 'Waiting for the first picture' };
    return { state: 'frozen', title: 'The picture is frozen', text: 'Nothing new arrives from the robot.' };
  }
  if (!reachable) return unreachable();
  // No attempt is made while the bridge is inactive: there is nothing to say of the connection.
  if (fault && camera.state === 'inactive') return { state: 'no-picture', title: 'No picture', text: fault };
  // The same state from the first failure to the next success: attempts shall not make the words flicker.
  if (client.error) return { state: 'reconnecting', title: 'Not connected', text: client.error.message };
  return { state: 'connecting', title: 'Connecting', text: fault };
}

/** @returns {View} */
function unreachable() {
  return {
    state: 'offline',
    title: navigator.onLine ? 'Robot not reachable' : 'This device has no network',
    text: 'The picture comes back by itself once the robot is switched on and in the same network.',
  };
}

/**
 * @param {number} ms
 * @returns {string} "8 s", "3 min", "2 h"
 */
function duration(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

/**
 * @param {number} kbps
 * @returns {string}
 */
function bitrate(kbps) {
  return kbps < 1000 ? `${Math.round(kbps)} kbit/s` : `${(kbps / 1000).toFixed(1)} Mbit/s`;
}

/**
 * @param {number} ms
 * @returns {string}
 */
function milliseconds(ms) {
  return ms < 1 ? '<1 ms' : `${Math.round(ms)} ms`;
}

/**
 * @typedef {object} TileContext what a tile asks of the page
 * @property {() => Bridge | null} bridge
 * @property {() => boolean} reachable
 * @property {string | null} codec
 * @property {(tile: Tile) => void} onState called when the state has changed
 * @property {() => void} onAspect called when the picture has another shape
 */

/** A camera on the page: its connection, its picture and what is said about it. */
export class Tile {
  #context;
  #camera;
  #client;
  #picture;
  #parts;
  #listeners = new AbortController();
  /** @type {StatsReader | null} */
  #statsReader = null;
  #statsAt = 0;
  /** When the count of decoded frames last grew, or might first have. */
  #progressAt = 0;
  /** When something last arrived, decoded or not, or might first have. */
  #heardAt = 0;
  #frozenAfter = FROZEN_MIN_MS;
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
    const { element, parts } = Tile.#build(camera.name);
    this.element = element;
    this.#parts = parts;
    this.video = parts.video;
    this.#picture = new Picture(parts.video, parts.last, this.#listeners.signal);
    this.#client = new WhepClient({
      url: new URL(`whep/${encodeURIComponent(camera.name)}`, document.baseURI),
      iceServers: () => context.bridge()?.ice_servers ?? [],
      codec: context.codec,
      onChange: () => this.#onConnection(),
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

  /** What a screen reader says of the present state. */
  get announcement() {
    const text = this.#state === 'live' ? '' : this.#parts.text.textContent;
    return `${this.name}: ${BADGES[this.#state].toLowerCase()}.${text ? ` ${text}` : ''}`;
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
    if (camera.state === 'live' && !wasDelivering) this.#progressAt = performance.now();
    if (this.aspect !== aspect) this.#context.onAspect();
    this.#parts.name.title = camera.topic;
    this.#client.hold(camera.state === 'inactive');
    this.#render();
  }

  /**
   * The bridge has started anew: a session with its predecessor is dead, though nothing may show it yet.
   *
   * @param {number} lastSeenAt when the predecessor was last heard of
   */
  onNewInstance(lastSeenAt) {
    const since = this.#client.sessionSince;
    // A session begun since then may be one with the new bridge.
    if (since === null || since < lastSeenAt) this.#client.reconnect();
  }

  retryNow() {
    this.#client.retryNow();
  }

  /** The page is seen again: what was live so far has a moment to show it. */
  onVisible() {
    this.#progressAt = performance.now();
    if (this.#state === 'live') this.#picture.noteUnseen();
    this.#picture.play();
    this.retryNow();
  }

  /** To be called a few times a second. */
  tick() {
    this.#picture.observe();
    const now = performance.now();
    if (now - this.#statsAt >= STATS_MS - STATS_SLACK_MS) {
      this.#statsAt = now;
      void this.#readStats();
    }
    this.#giveUpIfStalled(now);
    this.#render();
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
    } else if (document.fullscreenElement === this.element) {
      await document.exitFullscreen();
    } else if (this.element.classList.contains('is-maximised')) {
      this.#maximise(false);
    } else {
      try {
        await this.element.requestFullscreen({ navigationUI: 'hide' });
      } catch {
        // Not every browser lets other elements than videos fill the screen (iPhone): fill the window.
        this.#maximise(true);
      }
    }
  }

  leaveMaximised() {
    this.#maximise(false);
  }

  /** @param {string} name */
  static #build(name) {
    const template = find(document, '#tile-template', HTMLTemplateElement);
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const element = find(fragment, '.tile', HTMLElement);
    const parts = {
      name: find(element, '.name', HTMLElement),
      badge: find(element, '.badge-text', HTMLElement),
      full: find(element, '.full', HTMLButtonElement),
      picture: find(element, '.picture', HTMLElement),
      video: find(element, '.video', HTMLVideoElement),
      last: find(element, '.last-picture', HTMLCanvasElement),
      message: find(element, '.message', HTMLElement),
      title: find(element, '.message-title', HTMLElement),
      text: find(element, '.message-text', HTMLElement),
      detail: find(element, '.message-detail', HTMLElement),
      retry: find(element, '.retry', HTMLButtonElement),
      size: find(element, '.figure-size', HTMLElement),
      fps: find(element, '.figure-fps', HTMLElement),
      rate: find(element, '.figure-rate', HTMLElement),
      codec: find(element, '.figure-codec', HTMLElement),
      rtt: find(element, '.figure-rtt', HTMLElement),
      jitter: find(element, '.figure-jitter', HTMLElement),
      loss: find(element, '.figure-loss', HTMLElement),
    };
    element.dataset.camera = name;
    element.setAttribute('aria-label', `Camera ${name}`);
    parts.name.textContent = name;
    parts.video.setAttribute('aria-label', `Picture of ${name}`);
    parts.full.setAttribute('aria-label', `Full screen: ${name}`);
    return { element, parts };
  }

  #listen() {
    const { signal } = this.#listeners;
    const { full, picture, retry, video } = this.#parts;
    full.addEventListener('click', () => void this.toggleFull(), { signal });
    retry.addEventListener('click', () => this.retryNow(), { signal });
    for (const type of ['loadeddata', 'resize']) {
      video.addEventListener(type, () => this.#onShape(), { signal });
    }
    this.element.addEventListener('fullscreenchange', () => this.#showFull(), { signal });
    picture.addEventListener('click', (event) => {
      if (!(event.target instanceof Element && event.target.closest('button'))) void this.toggleFull();
    }, { signal });
  }

  /** @param {boolean} on */
  #maximise(on) {
    this.element.classList.toggle('is-maximised', on);
    this.#showFull();
  }

  #showFull() {
    const on = document.fullscreenElement === this.element || this.element.classList.contains('is-maximised');
    this.#parts.full.setAttribute('aria-pressed', String(on));
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
    if (state === 'connected') this.#progressAt = this.#heardAt = performance.now();
    this.#picture.show(stream);
    this.#render();
  }

  async #readStats() {
    const reader = this.#statsReader;
    if (!reader) return;
    const stats = await reader.read().catch(noStats);
    if (reader !== this.#statsReader) return;
    if (stats.kbps > 0) this.#heardAt = performance.now();
    if (stats.framesDecoded > this.stats.framesDecoded) {
      this.#progressAt = performance.now();
      if (document.hidden) this.#picture.noteUnseen();
    }
    this.stats = stats;
    this.#showFigures();
  }

  /** @param {number} now */
  #giveUpIfStalled(now) {
    const { state, age } = this.#camera;
    const delivers = this.#context.reachable() && state === 'live' && age !== null && age < FRESH_AGE_S;
    const silent = now - Math.max(this.#progressAt, this.#heardAt) > SILENT_MS;
    const stalled = silent || now - this.#progressAt > UNDECODED_MS;
    if (delivers && stalled && this.#client.state === 'connected' && !document.hidden) {
      this.#client.abandon(new WhepError('The camera delivers, but no picture arrived over this connection.'));
    }
  }

  #render() {
    const view = judge({
      client: this.#client,
      camera: this.#camera,
      reachable: this.#context.reachable(),
      blocked: this.#picture.blocked,
      frameAge: this.#picture.age,
      // Of a hidden page's frames only the statistics tell, once a second.
      frozenAfter: document.hidden ? FROZEN_MAX_MS : this.#frozenAfter,
    });
    const changed = view.state !== this.#state;
    if (changed && this.#state === 'live') this.#picture.keep();
    this.#state = view.state;
    if (view.state === 'live') {
      this.#client.confirm();
      this.#adaptToRate();
    }
    this.#show(view);
    if (changed) this.#context.onState(this);
  }

  /** Only while live: the rate of a topic that stops sinks, and must not make its last frame look fresh. */
  #adaptToRate() {
    if (this.#camera.rate <= 0) return;
    const threeFrames = 3000 / this.#camera.rate;
    this.#frozenAfter = Math.min(FROZEN_MAX_MS, Math.max(FROZEN_MIN_MS, threeFrames));
  }

  /** @param {View} view */
  #show({ state, title = '', text = '' }) {
    const { badge, message, ...parts } = this.#parts;
    this.element.dataset.state = state;
    setText(badge, BADGES[state]);
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
    if (lastPictureAge !== null) details.push(`Last picture ${duration(lastPictureAge)} ago`);
    return details.join(' · ');
  }

  #showFigures() {
    const { size, fps, rate, codec, rtt, jitter, loss } = this.#parts;
    const { stats } = this;
    const known = this.#client.state === 'connected';
    const flows = known && stats.fps > 0;
    const late = stats.receivedFps - stats.fps > 2;
    const sized = known && stats.width > 0;
    const reduced = sized && stats.width < REDUCED * this.#camera.width;
    setText(size, sized ? `${stats.width}×${stats.height}${reduced ? ', weak link' : ''}` : '');
    size.title = reduced ? `The network does not carry ${this.#camera.width}×${this.#camera.height}` : 'Resolution';
    setText(fps, flows ? `${Math.round(stats.fps)}${late ? ` of ${Math.round(stats.receivedFps)}` : ''} fps` : '');
    setText(rate, flows ? bitrate(stats.kbps) : '');
    setText(codec, known ? stats.codec : '');
    setText(rtt, known && stats.rttMs >= 0 ? `RTT ${milliseconds(stats.rttMs)}` : '');
    setText(jitter, flows ? `jitter ${milliseconds(stats.jitterMs)}` : '');
    setText(loss, flows && stats.lossPercent >= 0.5 ? `${stats.lossPercent.toFixed(1)} % lost` : '');
  }
}
