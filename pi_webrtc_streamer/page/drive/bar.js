// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * What is seen of driving, over the picture that is driven by.
 *
 * @module drive/bar
 */

import { setText } from '../dom.js';
import { GuideLines } from './guides.js';
import { buildDrive } from './parts.js';
import { Stick } from './stick.js';

/** Figures that change more often than this cannot be read. */
const FIGURES_MS = 250;

/** Whoever lets go of Reset sooner does not know that it has to be held. */
const SHORT_MS = 900;

/** @typedef {import('./view.js').Action} Action */
/** @typedef {import('./view.js').Figures} Figures */
/** @typedef {import('./view.js').View} View */
/** @typedef {import('./requests.js').Teleop} Teleop */

/**
 * @typedef {object} BarEvents
 * @property {(action: Exclude<Action, 'reset'>) => void} onAction
 * @property {() => void} onStop
 * @property {() => void} onReset called when the button is pressed or let go
 * @property {() => void} onShortReset called when it was pressed, and not held
 * @property {(lost: boolean) => void} onStick
 */

/** The elements, what they show, and what is done with them. */
export class Bar {
  #events;
  #guides = new GuideLines();
  #figuresAt = -Infinity;
  #resetting = false;
  #resetAt = 0;
  parts = buildDrive();

  /** What the buttons for the speed say; for sticks alone. @type {string} */
  pace = '';

  /**
   * @param {BarEvents} events
   * @param {AbortSignal} signal ends the listeners
   */
  constructor(events, signal) {
    this.#events = events;
    const { base, second, root, frame } = this.parts;
    this.base = new Stick(base, events.onStick, signal);
    this.second = new Stick(second, events.onStick, signal);
    root.prepend(this.#guides.element);
    this.#listen(signal);
    this.showSticks(matchMedia('(pointer: coarse)').matches);
    frame.classList.add('has-no-second');
  }

  get root() {
    return this.parts.root;
  }

  /** Whether the button to reset is being held. */
  get resetting() {
    return this.#resetting;
  }

  get hasSticks() {
    return this.root.classList.contains('has-sticks');
  }

  /** @param {Teleop} teleop what the robot can do */
  fit({ head, holonomic }) {
    const { second, secondName, frame } = this.parts;
    frame.classList.toggle('has-no-second', !head && !holonomic);
    setText(secondName, head ? 'Head' : 'Sideways');
    second.setAttribute('aria-label', head ? 'Stick: head' : 'Stick: sideways');
  }

  /** @param {boolean} shown */
  showSticks(shown) {
    const { root, touch } = this.parts;
    root.classList.toggle('has-sticks', shown);
    touch.setAttribute('aria-pressed', String(shown));
    if (!shown) this.centreSticks();
  }

  /** Whoever holds them, they are at rest. */
  centreSticks() {
    this.base.centre();
    this.second.centre();
  }

  /** @param {View} view */
  show({ state, title, text, actions, stop }) {
    const { root, stop: stopButton, ...parts } = this.parts;
    root.dataset.state = state;
    setText(parts.title, title);
    setText(parts.text, text);
    parts.state.hidden = !title && !text;
    const focused = document.activeElement;
    for (const button of parts.actions) {
      button.hidden = !actions.includes(/** @type {Action} */ (button.dataset.action));
    }
    // Whoever has pressed the button by key keeps their place on the page.
    if (focused instanceof HTMLElement && focused.hidden && root.contains(focused)) root.focus();
    if (!actions.includes('reset')) this.#endReset();
    const isOn = state === 'armed' || state === 'driving';
    if (!isOn && this.pace) this.#choosePace('');
    stopButton.dataset.state = stop;
    setText(parts.stopText, stop);
  }

  /**
   * @param {Figures} figures
   * @param {number} now ms
   */
  showFigures(figures, now) {
    if (now - this.#figuresAt < FIGURES_MS) return;
    this.#figuresAt = now;
    const { speed, speedNow, speedCap, gauge, turn, ...parts } = this.parts;
    speed.hidden = !figures.speed;
    setText(speedNow, figures.speed);
    setText(speedCap, figures.cap);
    setText(turn, figures.turn);
    gauge.style.setProperty('--share', String(Math.abs(figures.share)));
    gauge.classList.toggle('is-backward', figures.share < 0);
    setText(parts.link, figures.link);
    setText(parts.loop, figures.loop);
    setText(parts.odometry, figures.odometry);
    setText(parts.battery, figures.battery);
  }

  /**
   * @param {Teleop['guides']} mounting null: none
   * @param {number} aspect of the picture
   */
  showGuides(mounting, aspect) {
    this.#guides.show(mounting, aspect);
  }

  /** @param {number} share of the time that a reset is held */
  showReset(share) {
    this.parts.reset.style.setProperty('--share', String(share));
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const { root, actions, stop, touch, reset, paces } = this.parts;
    // A click on the picture fills the screen; one in here is meant for what is here.
    root.addEventListener('click', (event) => event.stopPropagation(), { signal });
    for (const button of actions) {
      if (button === reset) continue;
      const action = /** @type {Exclude<Action, 'reset'>} */ (button.dataset.action);
      button.addEventListener('click', () => this.#events.onAction(action), { signal });
    }
    // At once, not when the finger is lifted; a click is what comes of keys and screen readers.
    for (const type of ['pointerdown', 'click']) stop.addEventListener(type, this.#events.onStop, { signal });
    touch.addEventListener('click', () => this.showSticks(!this.hasSticks), { signal });
    for (const button of paces) {
      button.addEventListener('click', () => this.#choosePace(button.dataset.pace ?? ''), { signal });
    }
    this.#listenToReset(signal);
  }

  /** @param {AbortSignal} signal */
  #listenToReset(signal) {
    const { reset } = this.parts;
    const begin = () => {
      this.#resetting = true;
      this.#resetAt = performance.now();
      this.#events.onReset();
    };
    reset.addEventListener('pointerdown', (event) => { if (event.button === 0) begin(); }, { signal });
    reset.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      if (!event.repeat) begin();
    }, { signal });
    // A screen reader clicks without a press.
    reset.addEventListener('click', ({ detail }) => { if (detail === 0) this.#events.onShortReset(); }, { signal });
    reset.addEventListener('contextmenu', (event) => event.preventDefault(), { signal });
    for (const type of ['pointerup', 'pointercancel', 'pointerleave', 'keyup', 'blur']) {
      reset.addEventListener(type, () => this.#endReset(), { signal });
    }
  }

  #endReset() {
    if (!this.#resetting) return;
    this.#resetting = false;
    if (performance.now() - this.#resetAt < SHORT_MS) this.#events.onShortReset();
    this.#events.onReset();
  }

  /** @param {string} pace "slow", "fast" or "" */
  #choosePace(pace) {
    this.pace = pace;
    for (const button of this.parts.paces) button.setAttribute('aria-pressed', String(button.dataset.pace === pace));
  }
}
