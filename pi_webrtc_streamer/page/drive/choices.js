// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * With several cameras, a button in each tile to drive by it.
 *
 * @module drive/choices
 */

import { buildChoice } from './parts.js';

/** @typedef {import('../tile/tile.js').Tile} Tile */

export class Choices {
  #onChoice;
  /** @type {Map<HTMLElement, HTMLButtonElement>} */
  #buttons = new Map();

  /** @param {(camera: string) => void} onChoice */
  constructor(onChoice) {
    this.#onChoice = onChoice;
  }

  /** @param {Tile[]} tiles that have a button; no other has */
  show(tiles) {
    const elements = new Set(tiles.map(({ element }) => element));
    for (const [element, button] of this.#buttons) {
      if (elements.has(element)) continue;
      button.remove();
      this.#buttons.delete(element);
    }
    for (const { element, name } of tiles) {
      if (this.#buttons.has(element)) continue;
      const button = buildChoice(name);
      button.addEventListener('click', () => this.#onChoice(name));
      element.querySelector('.picture')?.append(button);
      this.#buttons.set(element, button);
    }
  }

  clear() {
    this.show([]);
  }
}
