// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * What the page itself says, apart from its tiles: that the robot is silent, has no cameras, or asks for a token.
 *
 * @module messages
 */

import { find, setText } from './dom.js';
import { BADGES } from './tile/judge.js';

const SILENT = 'The robot’s web server is silent. Its picture still arrives.';
const TOKEN_HAS_CHANGED =
  'It was started anew, and its token has changed. Its log on the robot has the address with the new one.';

/** @typedef {import('./bridge.js').Camera} Camera */
/** @typedef {import('./tile/tile.js').Tile} Tile */

/**
 * @typedef {object} Situation
 * @property {Tile[]} tiles
 * @property {boolean} silent whether the bridge does not answer
 * @property {string} error what the bridge said instead of its cameras
 * @property {Camera[]} cameras as the bridge named them last
 */

/** The page’s own words, in the places that the markup has for them. */
export class Messages {
  #notice = find(document, '#notice', HTMLElement);
  #empty = find(document, '#empty', HTMLElement);
  #title = find(document, '#empty-title', HTMLElement);
  #text = find(document, '#empty-text', HTMLElement);
  #links = find(document, '#empty-links', HTMLUListElement);
  #signIn = find(document, '#sign-in', HTMLButtonElement);
  #query;

  /** What the robot is called; "" if it has no name. */
  robot = '';

  /** @param {URLSearchParams} query what the address of the page asks for */
  constructor(query) {
    this.#query = query;
  }

  /** @param {AbortSignal} signal ends the listeners */
  listen(signal) {
    // The page itself is what asks for the token.
    this.#signIn.addEventListener('click', () => location.reload(), { signal });
  }

  /** @param {Situation} situation */
  show({ tiles, silent, error, cameras }) {
    const anyLive = tiles.some(({ state }) => state === 'live');
    // Tiles that are offline say so themselves.
    this.#notice.hidden = !(silent && (anyLive || error)) || tiles.length === 0;
    if (!this.#notice.hidden) setText(this.#notice, error || SILENT);
    this.#signIn.hidden = true;
    this.#empty.hidden = tiles.length > 0;
    if (!this.#empty.hidden) this.#showEmpty(silent, error, cameras);
    this.showTitle(tiles);
  }

  /** The bridge asks for a token; there are no tiles any more. */
  showLockedOut() {
    this.#notice.hidden = true;
    this.#empty.hidden = false;
    setText(this.#title, 'The robot asks for a token');
    setText(this.#text, TOKEN_HAS_CHANGED);
    this.#linkCameras([]);
    this.#signIn.hidden = false;
    this.showTitle([]);
  }

  /** @param {Tile[]} tiles */
  showTitle(tiles) {
    const live = tiles.filter(({ badge }) => badge === BADGES.live).length;
    const whose = this.robot || 'Robot cameras';
    if (tiles.length === 0) document.title = whose;
    else if (tiles.length > 1) document.title = `${live} of ${tiles.length} live · ${whose}`;
    else document.title = [tiles[0].badge, tiles[0].name, this.robot].filter(Boolean).join(' · ');
  }

  /**
   * @param {boolean} silent
   * @param {string} error
   * @param {Camera[]} cameras
   */
  #showEmpty(silent, error, cameras) {
    const wanted = this.#query.get('camera');
    const known = !silent && wanted !== null ? cameras : [];
    if (silent) {
      setText(this.#title, error ? 'The robot shows no cameras' : 'Robot not reachable');
      setText(this.#text, error || 'The cameras appear by themselves once it is switched on and in the same network.');
    } else if (wanted !== null) {
      setText(this.#title, `The robot has no camera “${wanted}”`);
      setText(this.#text, known.length > 0 ? 'It has:' : 'It has none at all.');
    } else {
      setText(this.#title, 'The robot has no cameras');
      setText(this.#text, 'The parameter “cameras” of the bridge lists them.');
    }
    this.#linkCameras(known);
  }

  /** @param {Camera[]} cameras */
  #linkCameras(cameras) {
    const names = cameras.map(({ name }) => name);
    if (names.join('\n') === [...this.#links.children].map(({ textContent }) => textContent).join('\n')) return;
    this.#links.replaceChildren(...names.map((name) => {
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
}
