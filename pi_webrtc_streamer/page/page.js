// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The page: a tile for every camera that the bridge has, live, and never a frozen picture that looks like a live one.
 *
 * @module page
 */

import { Asker } from './age/asker.js';
import { Announcer } from './announcer.js';
import { Poller } from './bridge.js';
import { find } from './dom.js';
import { arrangeTiles } from './grid.js';
import { Messages } from './messages.js';
import { Tile } from './tile/tile.js';

/** How often tiles look whether their picture still moves. */
const TICK_MS = 125;

/** @typedef {import('./bridge.js').Bridge} Bridge */
/** @typedef {import('./bridge.js').Camera} Camera */
/** @typedef {import('./drive/drive.js').Drive} Drive */
/** @typedef {import('./whep/errors.js').WhepError} WhepError */

/** Everything on the page, and the two clocks that drive it: the poll of the bridge and the tiles' tick. */
export class Page {
  #room = find(document, '#tiles', HTMLElement);
  #query = new URLSearchParams(location.search);
  #messages = new Messages(this.#query);
  #announcer = new Announcer(find(document, '#announcer', HTMLElement));
  #poller = new Poller(
    new URL('cameras', document.baseURI),
    (bridge) => this.#onBridge(bridge),
    (error) => this.#onSilence(error),
  );
  #asker = new Asker(new URL('clock', document.baseURI));
  #resizes = new ResizeObserver(() => this.#arrange());
  /** @type {AbortController | null} */
  #listeners = null;
  /** @type {number | undefined} */
  #ticker;
  /** @type {Bridge | null} */
  #bridge = null;
  #bridgeSeenAt = 0;
  /** Whether the bridge answered last time; null before its first answer. @type {boolean | null} */
  #reachable = null;

  /** What is needed to drive the robot; null where nobody may, and until it is loaded. @type {Drive | null} */
  #drive = null;

  /** @type {Map<string, Tile>} */
  cameras = new Map();

  /** The bridge's clock; whoever knows better than the page's own questions may add samples. */
  get clock() {
    return this.#asker.clock;
  }

  start() {
    if (this.#listeners) return;
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    document.addEventListener('visibilitychange', () => this.#onVisibility(), { signal });
    document.addEventListener('keydown', (event) => this.#onKey(event), { signal });
    this.#messages.listen(signal);
    window.addEventListener('online', () => this.#onOnline(), { signal });
    this.#resizes.observe(this.#room);
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#poller.start();
  }

  /** Ends every session and timer; `start` may follow. */
  stop() {
    this.#listeners?.abort();
    this.#listeners = null;
    this.#resizes.disconnect();
    clearInterval(this.#ticker);
    this.#poller.stop();
    this.#asker.stop();
    this.#endDriving();
    this.#announcer.stop();
    for (const name of [...this.cameras.keys()]) this.#removeTile(name);
    this.#reachable = null;
  }

  /** @param {Bridge} bridge */
  #onBridge(bridge) {
    const before = this.#bridge;
    const seenBefore = this.#bridgeSeenAt;
    const wasSilent = this.#reachable === false;
    this.#bridge = bridge;
    this.#bridgeSeenAt = performance.now();
    this.#reachable = true;
    this.#messages.robot = bridge.robot_name;
    this.#asker.start();
    const restarted = before !== null && before.instance !== bridge.instance;
    for (const tile of this.cameras.values()) {
      if (restarted) tile.onNewInstance(seenBefore);
      else if (wasSilent) tile.retryNow();
    }
    this.#matchTiles(this.#chosen(bridge.cameras));
    if (wasSilent) this.#announcer.say('', 'The robot answers again.');
    this.#showPageState('');
    void this.#offerDriving(bridge);
  }

  /**
   * Where the robot can be driven, what is needed for that is loaded; elsewhere it is not even served.
   *
   * @param {Bridge} bridge
   */
  async #offerDriving({ teleop, ...bridge }) {
    if (!teleop?.may_drive && !teleop?.may_stop) {
      this.#endDriving();
      return;
    }
    // A file that is lost on its way is asked for again after the bridge's next answer.
    const loaded = await import('./drive/drive.js').catch(() => null);
    if (!loaded || !this.#listeners) return;
    const told = { ...bridge, teleop };
    if (this.#drive) this.#drive.update(told);
    else this.#drive = new loaded.Drive(this, (text) => this.#announcer.say('drive', text), told);
  }

  #endDriving() {
    this.#drive?.stop();
    this.#drive = null;
  }

  /** @param {WhepError | null} error */
  #onSilence(error) {
    if (error?.isLockedOut) {
      this.#onLockedOut();
      return;
    }
    if (this.#reachable !== false) this.#announcer.say('', 'The robot is not reachable.');
    this.#reachable = false;
    this.#showPageState(error?.message ?? '');
  }

  /** The bridge wants a token: nothing more is tried until somebody comes back to the page, perhaps signed in. */
  #onLockedOut() {
    this.#asker.stop();
    for (const name of [...this.cameras.keys()]) this.#removeTile(name);
    this.#endDriving();
    this.#reachable = false;
    this.#messages.showLockedOut();
    this.#announcer.say('', 'The robot asks for a token.');
  }

  /**
   * @param {Camera[]} cameras
   * @returns {Camera[]} those that the address asks for
   */
  #chosen(cameras) {
    const wanted = this.#query.get('camera');
    return wanted === null ? cameras : cameras.filter(({ name }) => name === wanted);
  }

  /** @param {Camera[]} cameras */
  #matchTiles(cameras) {
    const names = new Set(cameras.map(({ name }) => name));
    for (const name of [...this.cameras.keys()]) {
      if (!names.has(name)) this.#removeTile(name);
    }
    for (const camera of cameras) {
      const tile = this.cameras.get(camera.name);
      if (tile) tile.update(camera);
      else this.#addTile(camera);
    }
    this.#putInOrder(cameras.map(({ name }) => name));
  }

  /**
   * By style and not by moving elements about, which would interrupt their videos.
   *
   * @param {string[]} names
   */
  #putInOrder(names) {
    if (names.join('\n') === [...this.cameras.keys()].join('\n')) return;
    this.cameras = new Map(names.map((name) => [name, /** @type {Tile} */ (this.cameras.get(name))]));
    names.forEach((name, i) => this.cameras.get(name)?.element.style.setProperty('order', String(i)));
    this.#arrange();
  }

  /** @param {Camera} camera */
  #addTile(camera) {
    const tile = new Tile(camera, {
      bridge: () => this.#bridge,
      reachable: () => this.#reachable !== false,
      asker: this.#asker,
      codec: this.#query.get('codec'),
      onDoubt: () => this.#onDoubt(),
      onState: (changed) => this.#onTileState(changed),
      onAspect: () => this.#arrange(),
    });
    this.cameras.set(camera.name, tile);
    this.#room.append(tile.element);
    this.#arrange();
  }

  /** @param {string} name */
  #removeTile(name) {
    this.cameras.get(name)?.close();
    this.cameras.delete(name);
    this.#arrange();
  }

  #onDoubt() {
    this.#poller.hurry();
    this.#asker.hurry();
  }

  /** @param {Tile} tile */
  #onTileState(tile) {
    this.#announcer.say(tile.name, tile.announcement);
    this.#messages.showTitle([...this.cameras.values()]);
  }

  /** @param {string} error what the bridge said instead of its cameras */
  #showPageState(error) {
    const cameras = this.#bridge?.cameras ?? [];
    this.#messages.show({ tiles: [...this.cameras.values()], silent: this.#reachable === false, error, cameras });
  }

  #arrange() {
    arrangeTiles(this.#room, [...this.cameras.values()]);
  }

  #tick() {
    for (const tile of this.cameras.values()) tile.tick();
  }

  #onVisibility() {
    if (document.hidden) return;
    for (const tile of this.cameras.values()) tile.onVisible();
    this.#poller.now();
    this.#asker.hurry();
  }

  #onOnline() {
    for (const tile of this.cameras.values()) {
      tile.retryNow();
      tile.doubt();
    }
    this.#poller.hurry();
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key.toLowerCase() === 'f') void this.#tileInFocus()?.toggleFull();
    if (event.key === 'Escape') this.cameras.forEach((tile) => tile.leaveMaximised());
  }

  /** The tile that a key is meant for: in full screen, focused, under the pointer, or else the first. */
  #tileInFocus() {
    const tiles = [...this.cameras.values()];
    return tiles.find(({ element }) => element.matches(':fullscreen, .is-maximised'))
      ?? tiles.find(({ element }) => element.contains(document.activeElement))
      ?? tiles.find(({ element }) => element.matches(':hover'))
      ?? tiles[0];
  }
}
