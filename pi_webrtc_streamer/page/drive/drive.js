// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Driving the robot from the page. Loaded only where the bridge allows it.
 *
 * @module drive/drive
 */

import { toWhepError } from '../whep/errors.js';
import { Awake } from './awake.js';
import { Bar } from './bar.js';
import { Channel } from './channel.js';
import { Driver } from './driver.js';
import { Gamepads } from './gamepad.js';
import { HeldPress } from './held.js';
import { Help } from './help.js';
import { givenName, keepTab, takeTab } from './identity.js';
import { Inputs, merge, noInput } from './inputs.js';
import { Keyboard } from './keyboard.js';
import { Keys } from './keys.js';
import { addStyle } from './parts.js';
import { getTeleop, postLock, postReset, postStop } from './requests.js';
import { pictureProblem } from './sight.js';
import { Stage } from './stage.js';
import { Stop } from './stop.js';
import { describe, figuresOf } from './view.js';

/** Commands are sent so often: from a timer of the page, which rests while the page is hidden. */
const COMMAND_MS = 33;
/** While nobody drives from here, this is often enough to look. */
const IDLE_MS = 200;
/** What has failed is told for so long. */
const NOTICE_MS = 6_000;

/** @typedef {import('../bridge.js').Bridge & {teleop: Teleop}} Bridge */
/** @typedef {import('../tile/tile.js').Tile} Tile */
/** @typedef {import('./driver.js').Facts} Facts */
/** @typedef {import('./gamepad.js').Reading} Reading */
/** @typedef {import('./protocol.js').Status} Status */
/** @typedef {import('./requests.js').Teleop} Teleop */
/** @typedef {import('./view.js').Action} Action */
/** @typedef {import('./view.js').View} View */

/**
 * @typedef {object} DrivenPage
 * @property {Map<string, Tile>} cameras
 * @property {import('../age/clock.js').Clock} clock the bridge's, which the control connection tells of, too
 */

/** What the operator does, what the robot says, and what follows. */
export class Drive {
  #page;
  #say;
  #bridge;
  #teleop;
  #bar;
  #channel;
  #help;
  #keys;
  #stage;
  #stop;
  #style = addStyle();
  #listeners = new AbortController();
  #tab = takeTab();
  #keyboard = new Keyboard(() => this.#fault('The release of a key may have been missed.'));
  #gamepads = new Gamepads();
  #inputs = new Inputs();
  #driver = new Driver();
  #held = new HeldPress();
  #awake = new Awake();
  /** @type {Reading} */
  #pad = { input: noInput(), reset: false, name: '', refused: '', fault: '' };
  /** The newest, while there is a connection. @type {Status | null} */
  #status = null;
  /** Whether the operator has chosen to drive. */
  #wanted = false;
  #asked = false;
  #hasDriven = false;
  #notice = { text: '', until: 0 };
  /** @type {number | undefined} */
  #ticker;
  #pace = 0;
  #said = '';

  /**
   * @param {DrivenPage} page
   * @param {(text: string) => void} say speaks for screen readers
   * @param {Bridge} bridge
   */
  constructor(page, say, bridge) {
    this.#page = page;
    this.#say = say;
    this.#bridge = bridge;
    this.#teleop = bridge.teleop;
    const { signal } = this.#listeners;
    this.#stop = new Stop(() => postStop(this.#base, givenName()), () => this.#onStopped());
    this.#channel = new Channel({
      url: () => this.#url(),
      iceServers: () => this.#bridge.ice_servers,
      onStatus: (status) => this.#onStatus(status),
      onChange: () => this.#onChannel(),
      onClock: (sample) => this.#page.clock.add(sample),
    });
    this.#keys = new Keys(this.#keyboard, {
      isOn: () => this.#driver.isOn,
      mayType: () => !this.#wanted,
      onStop: () => this.#pressStop(),
      onChange: () => this.#settle(),
    }, signal);
    this.#bar = new Bar({
      onAction: (action) => void this.#act(action),
      onStop: () => this.#pressStop(),
      onReset: () => this.#keepTime(),
      onShortReset: () => this.#notify('Hold Reset for a second.'),
      onStick: (lost) => (lost ? this.#fault('The finger on the stick was lost.') : this.#settle()),
    }, signal);
    this.#help = new Help(this.#bar.parts, {
      facts: () => this.#helpFacts(),
      onOpen: () => this.#fault('The help covers the picture.'),
    }, signal);
    this.#stage = new Stage(() => this.#page.cameras, (camera) => this.#choose(camera));
    this.#listen(signal);
    this.#keepTime();
    this.update(bridge);
  }

  /** @param {Bridge} bridge what it says now */
  update(bridge) {
    this.#bridge = bridge;
    this.#onTeleop(bridge.teleop);
    this.#tick();
  }

  /** Lets go of the robot and of the page. */
  stop() {
    this.#leave();
    this.#stop.end();
    this.#listeners.abort();
    clearInterval(this.#ticker);
    this.#stage.clear();
    this.#bar.root.remove();
    this.#style.remove();
    keepTab(this.#tab);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    document.addEventListener('visibilitychange', () => this.#onAway('The page was hidden.'), { signal });
    document.addEventListener('freeze', () => this.#onAway('The page was hidden.'), { signal });
    // The page stays until the next one answers, which may take a while.
    window.addEventListener('beforeunload', () => this.#fault('The page is being left.'), { signal });
    window.addEventListener('blur', () => this.#onAway('The window lost the focus.'), { signal });
    window.addEventListener('online', () => this.#channel.retryNow(), { signal });
    document.addEventListener('fullscreenchange', () => this.#tick(), { signal });
  }

  get #base() {
    return new URL(document.baseURI);
  }

  /** Where the control connection is asked for. */
  #url() {
    const url = new URL('teleop', this.#base);
    url.search = new URLSearchParams({ tab: this.#tab, name: givenName() }).toString();
    return url;
  }

  // What happens

  /** @param {Teleop} teleop */
  #onTeleop(teleop) {
    this.#teleop = teleop;
    if (teleop.stopped) this.#stop.acknowledge();
    this.#keyboard.fit(teleop);
    this.#bar.fit(teleop);
    if (!teleop.may_drive && this.#wanted) this.#leave();
  }

  /** @param {Status} status */
  #onStatus(status) {
    if (status.stopped) this.#stop.acknowledge();
    if (!status.lockOthers) this.#asked = false;
    this.#status = status;
    this.#driver.note(status);
    this.#settle();
  }

  #onChannel() {
    this.#status = null;
    this.#asked = false;
    if (this.#channel.isOpen) this.#driver.renew();
    this.#settle();
  }

  /** @param {string} reason why keys and fingers may be let go unseen */
  #onAway(reason) {
    if (this.#input().hold || document.hidden) this.#fault(reason);
    this.#keys.lose();
    this.#bar.centreSticks();
    this.#settle();
  }

  #pressStop() {
    this.#stop.press();
    this.#inputs.mistrust();
    this.#settle();
    // Not only when that has disarmed: somebody else may drive.
    this.#send();
    this.#tick();
  }

  #onStopped() {
    this.#teleop = { ...this.#teleop, stopped: true };
    void this.#refresh();
  }

  async #refresh() {
    try {
      this.#onTeleop(await getTeleop(this.#base));
    } catch {
      // The page asks for it every second anyway.
    }
    this.#tick();
  }

  // What the operator wants

  /** @param {Exclude<Action, 'reset'>} action */
  async #act(action) {
    switch (action) {
      case 'drive':
        this.#enter();
        break;
      case 'done':
        this.#leave();
        break;
      default:
        await this.#changeLock(action);
    }
    this.#tick();
  }

  /** @param {string} camera to drive by */
  #choose(camera) {
    if (this.#driver.isOn) this.#fault('You changed the camera.');
    this.#stage.choose(camera);
    this.#place();
    this.#enter();
    this.#bar.root.focus({ preventScroll: true });
    this.#tick();
  }

  #enter() {
    const tile = this.#stage.driven;
    if (!tile) return;
    this.#wanted = true;
    this.#stage.choose(tile.name);
    this.#help.close();
    this.#channel.want();
    this.#settle();
    this.#driver.begin(performance.now());
    this.#stage.fill();
    this.#keepTime();
  }

  #leave() {
    this.#fault('');
    this.#channel.unwant();
    this.#wanted = false;
    this.#asked = false;
    this.#status = null;
    this.#stage.leave();
    this.#keepTime();
  }

  /** @param {'ask' | 'take' | 'grant' | 'keep'} what */
  async #changeLock(what) {
    const session = this.#channel.resource;
    if (!session) return;
    if (what === 'grant') this.#fault('You handed over.');
    try {
      await postLock(session, what);
    } catch (reason) {
      this.#notify(toWhepError(reason).message);
      return;
    }
    if (what === 'ask') this.#asked = true;
    // Whoever takes over means to drive. Whoever was given it may look elsewhere by then.
    if (what === 'take') this.#driver.begin(performance.now());
    await this.#refresh();
  }

  async #reset() {
    try {
      await postReset(this.#base, givenName());
    } catch (reason) {
      this.#notify(toWhepError(reason).message);
    }
    await this.#refresh();
  }

  /** @param {string} text what has failed */
  #notify(text) {
    this.#notice = { text, until: performance.now() + NOTICE_MS };
  }

  // What follows

  #input() {
    const { base, second, pace } = this.#bar;
    const { head } = this.#teleop;
    const sticks = merge([
      base.read('turn', 'forward'),
      head ? second.read('pan', 'tilt') : second.read('left', null),
    ]);
    const stop = { ...noInput(), stop: this.#keys.stopHeld };
    const paced = sticks.hold ? { ...sticks, fast: pace === 'fast', slow: pace === 'slow' } : sticks;
    return this.#inputs.read([this.#keyboard.read(), this.#pad.input, paced, stop]);
  }

  /** @returns {Facts} */
  #facts() {
    const tile = this.#stage.driven;
    const { cameras } = this.#bridge;
    const index = cameras.findIndex(({ name }) => name === tile?.name);
    const input = this.#input();
    return {
      camera: tile?.name ?? '',
      index: index < 0 ? null : index,
      picture: pictureProblem(tile, this.#teleop.max_age, cameras[index]?.rate ?? 0),
      rtp: tile?.shown?.rtp ?? 0,
      input,
      mistrusted: this.#inputs.mistrusted,
      visible: !document.hidden,
      focused: document.hasFocus(),
      open: this.#channel.isOpen,
      silence: this.#channel.silence(performance.now()),
      patience: this.#teleop.max_gap * 1000,
      stopping: this.#stop.pending,
    };
  }

  /** Draws the conclusions of whatever has happened. A robot that is held, or let go, is told at once. */
  #settle() {
    const wasHeld = this.#driver.state === 'driving';
    this.#hasDriven ||= wasHeld;
    const disarmed = this.#driver.step(this.#facts(), performance.now());
    if (disarmed) this.#inputs.mistrust();
    if (disarmed || wasHeld !== (this.#driver.state === 'driving')) this.#send();
  }

  /** @param {string} reason why what the operator does must not count any more */
  #fault(reason) {
    const arms = this.#driver.arms;
    if (this.#driver.isOn) this.#driver.disarm(reason);
    this.#inputs.mistrust();
    if (arms) this.#send();
  }

  #send() {
    if (this.#channel.isOpen) this.#channel.send(this.#driver.command());
  }

  #keepTime() {
    const pace = this.#wanted || this.#bar.resetting ? COMMAND_MS : IDLE_MS;
    if (pace === this.#pace) return;
    this.#pace = pace;
    clearInterval(this.#ticker);
    this.#ticker = setInterval(() => this.#tick(), pace);
  }

  #tick() {
    const now = performance.now();
    this.#place();
    if (this.#wanted) {
      this.#channel.tick(now);
      this.#readGamepad();
      this.#settle();
      // A page that nobody sees says nothing, and so lets others drive.
      if (!document.hidden && !this.#channel.queues) this.#send();
    }
    this.#holdReset(now);
    this.#show(now);
  }

  #readGamepad() {
    // Some browsers have gamepads only over https.
    this.#pad = this.#gamepads.read(navigator.getGamepads?.() ?? []);
    if (this.#pad.fault) this.#fault(this.#pad.fault);
    if (this.#pad.input.stop && !this.#stop.pending && !this.#status?.stopped) this.#stop.press();
  }

  /** @param {number} now */
  #holdReset(now) {
    const held = this.#bar.resetting || this.#pad.reset && Boolean(this.#status?.stopped);
    const { neutral, stop } = this.#input();
    if (held && !neutral) this.#notify('Let go of all keys and sticks first.');
    if (this.#held.update(held && neutral && !stop, now)) void this.#reset();
    this.#bar.showReset(this.#held.progress(now));
  }

  // What is shown

  #place() {
    this.#stage.place(this.#bar, this.#teleop.may_drive);
  }

  /** @param {number} now */
  #show(now) {
    const { driven } = this.#stage;
    const view = describe({
      teleop: this.#teleop,
      wanted: this.#wanted,
      channel: this.#channel,
      driver: this.#driver,
      status: this.#status,
      stop: { pending: this.#stop.pending, late: this.#stop.isLate(now), problem: this.#stop.problem },
      asked: this.#asked,
      hint: this.#hint,
      notice: now < this.#notice.until ? this.#notice.text : '',
      chosen: driven !== null,
    });
    this.#bar.show(view);
    this.#bar.showFigures(figuresOf(this.#status, this.#channel.roundTripMs, this.#channel.slower), now);
    this.#bar.showGuides(this.#wanted && driven ? this.#teleop.guides : null, driven?.aspect ?? 1);
    this.#bar.root.classList.toggle('may-drive', this.#teleop.may_drive);
    this.#awake.want(this.#driver.isOn);
    this.#tell(view);
  }

  /** @param {View} view */
  #tell({ title, text, stop }) {
    const words = [title, text].filter(Boolean).map((each) => each.replace(/[.…]?$/, '.')).join(' ');
    if (words === this.#said) return;
    this.#said = words;
    this.#say(words || (stop === 'Stop' ? 'The robot is not stopped.' : ''));
  }

  /** How to begin, for who has not driven yet. */
  get #hint() {
    if (this.#hasDriven) return '';
    if (this.#pad.name) return 'Hold LB, and drive with the left stick.';
    return this.#bar.hasSticks ? 'Drag the stick to drive.' : 'Hold W, A, S, D or the arrow keys to drive.';
  }

  #helpFacts() {
    const { name, refused } = this.#pad;
    let gamepad = name ? `Gamepad: ${name}.` : '';
    if (refused) gamepad = `The gamepad “${refused}” has no standard mapping in this browser, and cannot be used.`;
    if (!navigator.getGamepads) gamepad = 'This browser has gamepads only over https.';
    return { teleop: this.#teleop, gamepad, awake: this.#awake.problem, connected: this.#wanted };
  }
}
