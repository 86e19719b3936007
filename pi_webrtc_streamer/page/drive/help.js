// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * How to drive: which keys and buttons do what.
 *
 * @module drive/help
 */

import { find } from '../dom.js';
import { giveName, givenName } from './identity.js';

/** @typedef {import('./requests.js').Teleop} Teleop */

/**
 * @param {Teleop} teleop
 * @param {string} gamepad what is to be said of the gamepad; "" if nothing is
 * @param {string} awake what is to be said of the screen; "" if nothing is
 */
function markup({ holonomic, head }, gamepad, awake) {
  const row = (/** @type {string} */ what, /** @type {string} */ keys, /** @type {string} */ pad) =>
    `<tr><th scope="row">${what}</th><td>${keys}</td><td>${pad}</td></tr>`;
  const key = (/** @type {string[]} */ ...names) => names.map((name) => `<kbd>${name}</kbd>`).join(' ');
  return `
    <h3>How to drive</h3>
    <button type="button" class="drive-icon drive-close" aria-label="Close the help" title="Close">✕</button>
    <table>
      <thead><tr><td></td><th scope="col">Keyboard</th><th scope="col">Gamepad</th></tr></thead>
      <tbody>
        ${row('Hold to move', 'any key below', key('LB'))}
        ${row('Drive', `${key('W', 'S')} or ${key('↑', '↓')}`, 'left stick')}
        ${row('Turn', `${key('A', 'D')} or ${key('←', '→')}`, 'left stick')}
        ${holonomic ? row('Sideways', key('Q', 'E'), 'cross, left and right') : ''}
        ${head ? row('Head', key('I', 'J', 'K', 'L'), 'right stick') : ''}
        ${row('Fast', key('Shift'), key('RB'))}
        ${row('Slow', key('C'), key('X'))}
        ${row('Stop', key('Space'), key('B'))}
        ${row('Reset, held for 1 s', `${key('Enter')} on the button`, key('LT', 'A'))}
      </tbody>
    </table>
    <p>Let go, and the robot stops. It stops, too, when the picture or the connection is late, when this window loses
      the focus, and when the page is hidden.</p>
    <p><strong>Stop</strong> is software: it works while this page, the network and the robot’s computer do. It is
      no emergency stop (ISO 13850); have one on the robot.</p>
    <p class="drive-help-gamepad"></p>
    <p class="drive-help-awake"></p>
    <label>Your name, for others
      <input class="drive-name" maxlength="40" autocomplete="off" spellcheck="false"></label>`
    .replace('<p class="drive-help-gamepad"></p>', gamepad && '<p class="drive-help-gamepad"></p>')
    .replace('<p class="drive-help-awake"></p>', awake && '<p class="drive-help-awake"></p>');
}

/** @typedef {{teleop: Teleop, gamepad: string, awake: string, connected: boolean}} HelpFacts */

/** An overlay that leaves Stop free. */
export class Help {
  #element;
  #button;
  #onOpen;

  /**
   * @param {import('./parts.js').DriveParts} parts
   * @param {{facts: () => HelpFacts, onOpen: () => void}} events `onOpen` is called when it covers the picture
   * @param {AbortSignal} signal ends the listeners
   */
  constructor({ help, askHelp }, { facts, onOpen }, signal) {
    this.#element = help;
    this.#button = askHelp;
    this.#onOpen = onOpen;
    askHelp.addEventListener('click', () => (help.hidden ? this.#open(facts()) : this.close()), { signal });
    window.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.close();
    }, { signal });
  }

  close() {
    if (this.#element.hidden) return;
    this.#element.hidden = true;
    this.#button.setAttribute('aria-expanded', 'false');
    this.#button.focus();
  }

  /** @param {HelpFacts} facts */
  #open({ teleop, gamepad, awake, connected }) {
    this.#element.innerHTML = markup(teleop, gamepad, awake);
    for (const [selector, text] of [['.drive-help-gamepad', gamepad], ['.drive-help-awake', awake]]) {
      if (text) find(this.#element, selector, HTMLElement).textContent = text;
    }
    const name = find(this.#element, '.drive-name', HTMLInputElement);
    name.value = givenName();
    // The robot has been told it with the connection.
    name.disabled = connected;
    name.addEventListener('change', () => giveName(name.value));
    find(this.#element, '.drive-close', HTMLButtonElement).addEventListener('click', () => this.close());
    this.#element.hidden = false;
    this.#button.setAttribute('aria-expanded', 'true');
    this.#element.focus();
    this.#onOpen();
  }
}
