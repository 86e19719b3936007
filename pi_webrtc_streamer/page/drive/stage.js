// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Where driving is seen: over the picture that is driven by.
 *
 * @module drive/stage
 */

import { Choices } from './choices.js';
import { drivenTile } from './sight.js';

/** On a screen so small, whoever drives gets all of it for the picture. */
const SMALL_SCREEN = '(max-width: 700px), (max-height: 480px)';

/** @typedef {import('../tile/tile.js').Tile} Tile */

/** Knows the tile that is driven by, and puts things there. */
export class Stage {
  #cameras;
  #choices;
  #chosen = '';
  /** The tile that was put into full screen for driving. @type {Tile | null} */
  #filled = null;

  /**
   * @param {() => Map<string, Tile>} cameras
   * @param {(camera: string) => void} onChoice called when somebody wants to drive by a camera
   */
  constructor(cameras, onChoice) {
    this.#cameras = cameras;
    this.#choices = new Choices(onChoice);
  }

  get #tiles() {
    return [...this.#cameras().values()];
  }

  /** The tile that is driven by; null while there are several, and none was chosen. */
  get driven() {
    return drivenTile(this.#tiles, this.#chosen);
  }

  /** @param {string} camera to drive by */
  choose(camera) {
    this.#chosen = camera;
  }

  /** Gives the picture that is driven by all of a small screen. */
  fill() {
    const tile = this.driven;
    if (!tile || isFull(tile) || !matchMedia(SMALL_SCREEN).matches) return;
    this.#filled = tile;
    void tile.toggleFull();
  }

  /** Nobody drives any more. */
  leave() {
    if (this.#filled && isFull(this.#filled)) void this.#filled.toggleFull();
    this.#filled = null;
    this.#chosen = '';
  }

  /**
   * Puts the bar over the picture that is driven by, or to the end of the page, and gives the other tiles a button.
   *
   * @param {import('./bar.js').Bar} bar
   * @param {boolean} mayDrive
   */
  place(bar, mayDrive) {
    const tiles = this.#tiles;
    const driven = this.driven;
    const host = driven?.element.querySelector('.picture') ?? document.body;
    bar.root.classList.toggle('is-strip', host === document.body);
    if (bar.root.parentElement !== host) {
      // Elements that are moved lose the fingers on them.
      bar.centreSticks();
      host.append(bar.root);
    }
    this.#choices.show(mayDrive && tiles.length > 1 ? tiles.filter((tile) => tile !== driven) : []);
  }

  clear() {
    this.#choices.clear();
  }
}

/** @param {Tile} tile */
function isFull(tile) {
  return tile.element.matches(':fullscreen, .is-maximised');
}
