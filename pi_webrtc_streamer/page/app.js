/**
 * The page: a tile for every camera that the bridge has, live, and never a frozen picture that looks like a live one.
 *
 * @module app
 */

import { Poller } from './bridge.js';
import { find, setText } from './dom.js';
import { arrange, isNarrow } from './layout.js';
import { BADGES, Tile } from './tile.js';

/** How often tiles look whether their picture still moves. */
const TICK_MS = 250;

/** Announcements wait so long for the state to settle: a screen reader shall not stutter. */
const ANNOUNCE_MS = 800;

/** In a window as low as a phone held sideways, the bar lies over the picture. */
const LOW_WINDOW_PX = 480;

/** @typedef {import('./bridge.js').Bridge} Bridge */
/** @typedef {import('./bridge.js').Camera} Camera */
/** @typedef {import('./whep.js').WhepError} WhepError */

/** Speaks for screen readers, once things have settled. */
class Announcer {
  #element;
  /** @type {Map<string, string>} */
  #pending = new Map();
  /** @type {number | undefined} */
  #timer;

  /** @param {HTMLElement} element a live region */
  constructor(element) {
    this.#element = element;
  }

  /**
   * @param {string} subject a later text about the same replaces this one
   * @param {string} text
   */
  say(subject, text) {
    this.#pending.set(subject, text);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#speak(), ANNOUNCE_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#pending.clear();
  }

  #speak() {
    this.#element.textContent = [...this.#pending.values()].join(' ');
    this.#pending.clear();
  }
}

/** Everything on the page, and the two clocks that drive it: the poll of the bridge and the tiles' tick. */
class Page {
  #elements = {
    tiles: find(document, '#tiles', HTMLElement),
    notice: find(document, '#notice', HTMLElement),
    empty: find(document, '#empty', HTMLElement),
    emptyTitle: find(document, '#empty-title', HTMLElement),
    emptyText: find(document, '#empty-text', HTMLElement),
    emptyLinks: find(document, '#empty-links', HTMLUListElement),
    signIn: find(document, '#sign-in', HTMLButtonElement),
  };
  #announcer = new Announcer(find(document, '#announcer', HTMLElement));
  #poller = new Poller(
    new URL('cameras', document.baseURI),
    (bridge) => this.#onBridge(bridge),
    (error) => this.#onSilence(error),
  );
  #resizes = new ResizeObserver(() => this.#arrange());
  #query = new URLSearchParams(location.search);
  /** @type {AbortController | null} */
  #listeners = null;
  /** @type {number | undefined} */
  #ticker;
  /** @type {Bridge | null} */
  #bridge = null;
  #bridgeSeenAt = 0;
  /** Whether the bridge answered last time; null before its first answer. @type {boolean | null} */
  #reachable = null;

  /** @type {Map<string, Tile>} */
  cameras = new Map();

  start() {
    if (this.#listeners) return;
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    document.addEventListener('visibilitychange', () => this.#onVisibility(), { signal });
    document.addEventListener('keydown', (event) => this.#onKey(event), { signal });
    // The page itself is what asks for the token.
    this.#elements.signIn.addEventListener('click', () => location.reload(), { signal });
    window.addEventListener('online', () => this.#tryNow(), { signal });
    this.#resizes.observe(this.#elements.tiles);
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
    this.#showSignIn(false);
    const restarted = before !== null && before.instance !== bridge.instance;
    for (const tile of this.cameras.values()) {
      if (restarted) tile.onNewInstance(seenBefore);
      else if (wasSilent) tile.retryNow();
    }
    this.#matchTiles(this.#chosen(bridge.cameras));
    if (wasSilent) this.#announcer.say('', 'The robot answers again.');
    this.#showPageState('');
  }

  /** @param {WhepError | null} error */
  #onSilence(error) {
    if (error?.isLockedOut) {
      this.#onLockedOut();
      return;
    }
    this.#showSignIn(false);
    if (this.#reachable !== false) this.#announcer.say('', 'The robot is not reachable.');
    this.#reachable = false;
    this.#showPageState(error?.message ?? '');
  }

  /** The bridge wants a token: nothing more is tried until somebody comes back to the page, perhaps signed in. */
  #onLockedOut() {
    const { empty, emptyTitle, emptyText, emptyLinks, notice } = this.#elements;
    for (const name of [...this.cameras.keys()]) this.#removeTile(name);
    this.#reachable = false;
    notice.hidden = true;
    empty.hidden = false;
    setText(emptyTitle, 'The robot asks for a token');
    setText(emptyText, 'It was started anew, and its token has changed. Its log on the robot has the address with the new one.');
    this.#linkCameras(emptyLinks, []);
    this.#showSignIn(true);
    this.#showTitle();
    this.#announcer.say('', 'The robot asks for a token.');
  }

  /** @param {boolean} shown */
  #showSignIn(shown) {
    this.#elements.signIn.hidden = !shown;
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
      codec: this.#query.get('codec'),
      onState: (changed) => this.#onTileState(changed),
      onAspect: () => this.#arrange(),
    });
    this.cameras.set(camera.name, tile);
    this.#elements.tiles.append(tile.element);
    this.#arrange();
  }

  /** @param {string} name */
  #removeTile(name) {
    this.cameras.get(name)?.close();
    this.cameras.delete(name);
    this.#arrange();
  }

  /** @param {Tile} tile */
  #onTileState(tile) {
    this.#announcer.say(tile.name, tile.announcement);
    this.#showTitle();
  }

  #showTitle() {
    const tiles = [...this.cameras.values()];
    const live = tiles.filter(({ state }) => state === 'live').length;
    if (tiles.length === 0) document.title = 'Robot cameras';
    else if (tiles.length === 1) document.title = `${BADGES[tiles[0].state]} · ${tiles[0].name}`;
    else document.title = `${live} of ${tiles.length} live · Robot cameras`;
  }

  /** @param {string} error what the bridge said instead of its cameras */
  #showPageState(error) {
    const { empty, notice } = this.#elements;
    const silent = this.#reachable === false;
    const anyLive = [...this.cameras.values()].some(({ state }) => state === 'live');
    // Tiles that are offline say so themselves.
    notice.hidden = !(silent && (anyLive || error)) || this.cameras.size === 0;
    if (!notice.hidden) setText(notice, error || 'The robot’s web server is silent. Its picture still arrives.');
    empty.hidden = this.cameras.size > 0;
    if (!empty.hidden) this.#showEmpty(silent, error);
    this.#showTitle();
  }

  /**
   * @param {boolean} silent
   * @param {string} error
   */
  #showEmpty(silent, error) {
    const { emptyTitle, emptyText, emptyLinks } = this.#elements;
    const wanted = this.#query.get('camera');
    const cameras = this.#bridge?.cameras ?? [];
    const known = !silent && wanted !== null ? cameras : [];
    if (silent) {
      setText(emptyTitle, error ? 'The robot shows no cameras' : 'Robot not reachable');
      setText(emptyText, error || 'The cameras appear by themselves once it is switched on and in the same network.');
    } else if (wanted !== null) {
      setText(emptyTitle, `The robot has no camera “${wanted}”`);
      setText(emptyText, known.length > 0 ? 'It has:' : 'It has none at all.');
    } else {
      setText(emptyTitle, 'The robot has no cameras');
      setText(emptyText, 'The parameter “cameras” of the bridge lists them.');
    }
    this.#linkCameras(emptyLinks, known);
  }

  /**
   * @param {HTMLUListElement} list
   * @param {Camera[]} cameras
   */
  #linkCameras(list, cameras) {
    const names = cameras.map(({ name }) => name);
    if (names.join('\n') === [...list.children].map(({ textContent }) => textContent).join('\n')) return;
    list.replaceChildren(...names.map((name) => {
      const link = document.createElement('a');
      const query = new URLSearchParams(this.#query);
      query.set('camera', name);
      link.href = `?${query}`;
      link.textContent = name;
      const item = document.createElement('li');
      item.append(link);
      return item;
    }));
  }

  #arrange() {
    const tiles = [...this.cameras.values()];
    const { tiles: room } = this.#elements;
    const over = window.innerHeight < LOW_WINDOW_PX;
    const style = getComputedStyle(room);
    const width = room.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const height = room.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    const { columns, widths } = arrange(tiles.map(({ aspect }) => aspect), width, height, over);
    room.classList.toggle('is-low', over);
    room.style.setProperty('--columns', String(columns));
    const lastRow = tiles.length - 1 - (tiles.length - 1) % columns;
    tiles.forEach(({ element, aspect }, i) => {
      element.style.setProperty('--width', `${widths[i]}px`);
      element.style.setProperty('--aspect', String(aspect));
      element.style.setProperty('--start', i === lastRow ? String(1 + columns - (tiles.length - i)) : 'auto');
      element.classList.toggle('is-narrow', isNarrow(widths[i]));
    });
  }

  #tick() {
    for (const tile of this.cameras.values()) tile.tick();
  }

  #onVisibility() {
    if (document.hidden) return;
    for (const tile of this.cameras.values()) tile.onVisible();
    this.#poller.now();
  }

  #tryNow() {
    for (const tile of this.cameras.values()) tile.retryNow();
    this.#poller.now();
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

const page = new Page();
// For automated tests and for curious people at the console.
Object.assign(window, { streamer: page });

window.addEventListener('pagehide', () => page.stop());
window.addEventListener('pageshow', (event) => {
  // Back from the back/forward cache, where the page was put without its connections.
  if (event.persisted) page.start();
});
page.start();
