// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The elements over the picture that is driven by.
 *
 * @module drive/parts
 */

import { find } from '../dom.js';

const MARKUP = `
<section class="drive" aria-label="Driving" tabindex="-1" data-state="idle">
  <div class="drive-frame">
    <div class="drive-state">
      <p class="drive-title"><span class="drive-dot"></span><span class="drive-title-text"></span></p>
      <p class="drive-text"></p>
      <div class="drive-answers">
        <button type="button" data-action="grant">Hand over</button>
        <button type="button" data-action="keep">Keep driving</button>
      </div>
    </div>
    <div class="drive-actions">
      <button type="button" data-action="drive" class="drive-main">Drive</button>
      <button type="button" data-action="ask" class="drive-main">Ask to drive</button>
      <button type="button" data-action="take" class="drive-main">Take over</button>
      <button type="button" data-action="reset" class="drive-main drive-reset"
        title="Hold it for a second, with all keys and sticks let go">
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <circle class="drive-ring-ground" cx="10" cy="10" r="8"/>
          <circle class="drive-ring" cx="10" cy="10" r="8" pathLength="1"/>
        </svg>Hold to reset</button>
      <button type="button" data-action="done">Done</button>
      <button type="button" class="drive-icon drive-touch" aria-pressed="false" aria-label="Stick on the screen"
        title="Stick on the screen">
        <svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="8"/><circle cx="10" cy="10" r="3"
          class="is-filled"/></svg></button>
      <button type="button" class="drive-icon drive-ask-help" aria-expanded="false" aria-label="Help: keys and gamepad"
        title="Keys and gamepad">?</button>
    </div>
    <div class="drive-speed" hidden>
      <p class="drive-speed-text"><span class="drive-speed-now"></span> <span class="drive-speed-cap"></span></p>
      <div class="drive-gauge" aria-hidden="true"><div class="drive-gauge-bar"></div></div>
      <p class="drive-turn"></p>
    </div>
    <ul class="drive-figures" aria-label="Figures of driving">
      <li class="drive-link" title="Round trip of a command and its answer"></li>
      <li class="drive-loop" title="Age of the picture by which the last command was given, when the robot obeys"></li>
      <li class="drive-odometry" title="Speed that the robot measures"></li>
      <li class="drive-battery" title="Charge of the robot’s battery"></li>
    </ul>
    <div class="drive-pace" role="group" aria-label="Speed">
      <button type="button" data-pace="slow" aria-pressed="false">Slow</button>
      <button type="button" data-pace="" aria-pressed="true">Normal</button>
      <button type="button" data-pace="fast" aria-pressed="false">Fast</button>
    </div>
    <div class="drive-stick drive-stick-base" role="img" aria-label="Stick: drive and turn">
      <div class="drive-knob"></div>
    </div>
    <div class="drive-stick drive-stick-second" role="img">
      <div class="drive-knob"></div>
      <p class="drive-stick-name"></p>
    </div>
    <button type="button" class="drive-stop"
      title="Stops the robot by software, whoever drives (Space). It is no emergency stop (ISO 13850).">
      <svg viewBox="0 0 20 20" aria-hidden="true"><rect x="4" y="4" width="12" height="12" rx="1.5"/></svg>
      <span class="drive-stop-text">Stop</span>
      <kbd aria-hidden="true">Space</kbd>
    </button>
    <div class="drive-help" role="dialog" aria-label="How to drive" tabindex="-1" hidden></div>
  </div>
</section>`;

/** @typedef {ReturnType<typeof buildDrive>} DriveParts */

/** Makes the elements, which are not on the page yet. */
export function buildDrive() {
  const template = document.createElement('template');
  template.innerHTML = MARKUP;
  const root = find(template.content, '.drive', HTMLElement);
  const html = (/** @type {string} */ selector) => find(root, selector, HTMLElement);
  const button = (/** @type {string} */ selector) => find(root, selector, HTMLButtonElement);
  return {
    root,
    frame: html('.drive-frame'),
    title: html('.drive-title-text'),
    state: html('.drive-state'),
    text: html('.drive-text'),
    actions: [...root.querySelectorAll('[data-action]')].map((each) => /** @type {HTMLButtonElement} */ (each)),
    reset: button('.drive-reset'),
    touch: button('.drive-touch'),
    askHelp: button('.drive-ask-help'),
    help: html('.drive-help'),
    speed: html('.drive-speed'),
    speedNow: html('.drive-speed-now'),
    speedCap: html('.drive-speed-cap'),
    gauge: html('.drive-gauge-bar'),
    turn: html('.drive-turn'),
    link: html('.drive-link'),
    loop: html('.drive-loop'),
    odometry: html('.drive-odometry'),
    battery: html('.drive-battery'),
    pace: html('.drive-pace'),
    paces: [...root.querySelectorAll('[data-pace]')].map((each) => /** @type {HTMLButtonElement} */ (each)),
    base: html('.drive-stick-base'),
    second: html('.drive-stick-second'),
    secondName: html('.drive-stick-name'),
    stop: button('.drive-stop'),
    stopText: html('.drive-stop-text'),
  };
}

/**
 * @param {string} camera
 * @returns {HTMLButtonElement} to drive by this camera and no other
 */
export function buildChoice(camera) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'drive-choose';
  button.textContent = 'Drive';
  button.setAttribute('aria-label', `Drive by the camera ${camera}`);
  return button;
}

/**
 * Gives the page the style sheet of driving, which `index.html` does not name: it is not served everywhere.
 *
 * @returns {HTMLLinkElement}
 */
export function addStyle() {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = new URL('../style/drive.css', import.meta.url).href;
  document.head.append(link);
  return link;
}
