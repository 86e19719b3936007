// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * A tile that fills the screen or, where the browser lets only videos do that, the window.
 *
 * @module tile/full
 */

export class FullScreen {
  #element;
  #button;

  /**
   * @param {HTMLElement} element
   * @param {HTMLButtonElement} button shows whether it is on
   * @param {AbortSignal} signal ends the listeners
   */
  constructor(element, button, signal) {
    this.#element = element;
    this.#button = button;
    element.addEventListener('fullscreenchange', () => this.#show(), { signal });
  }

  /** Fills the screen, or gives it back. */
  async toggle() {
    if (document.fullscreenElement === this.#element) {
      await document.exitFullscreen();
    } else if (this.#isMaximised) {
      this.maximise(false);
    } else {
      try {
        await this.#element.requestFullscreen({ navigationUI: 'hide' });
      } catch {
        // Not every browser lets other elements than videos fill the screen (iPhone): fill the window.
        this.maximise(true);
      }
    }
  }

  /** @param {boolean} on */
  maximise(on) {
    this.#element.classList.toggle('is-maximised', on);
    this.#show();
  }

  get #isMaximised() {
    return this.#element.classList.contains('is-maximised');
  }

  #show() {
    const on = document.fullscreenElement === this.#element || this.#isMaximised;
    this.#button.setAttribute('aria-pressed', String(on));
  }
}
