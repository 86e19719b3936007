// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Where the robot will go, drawn onto the ground in the picture: a pinhole camera above a plane.
 *
 * @module drive/guides
 */

/** Distances that are marked, in metres from the camera. */
const MARKS_M = [0.5, 1, 2];

/** Nearer than this to the camera's own plane nothing is drawn. */
const NEAREST_M = 0.05;

/** @typedef {{height: number, tilt: number, width: number, fov: number}} Mounting m, rad, m, rad */
/** @typedef {{x: number, y: number}} Point in widths of the picture, from its middle: right and down */

/**
 * Where a point on the ground is seen.
 *
 * @param {Mounting} mounting
 * @param {number} forward m from the camera
 * @param {number} left m
 * @returns {Point | null} null if it is not in front of the camera
 */
export function project({ height, tilt, fov }, forward, left) {
  const depth = forward * Math.cos(tilt) + height * Math.sin(tilt);
  if (depth < NEAREST_M) return null;
  const below = height * Math.cos(tilt) - forward * Math.sin(tilt);
  const focal = 0.5 / Math.tan(fov / 2);
  return { x: -focal * left / depth, y: focal * below / depth };
}

/**
 * How near the ground is seen, and drawn upon.
 *
 * @param {Mounting} mounting
 * @param {number} aspect width by height of the picture
 * @returns {number} m from the camera, along the middle of the picture
 */
export function nearestSeen({ height, tilt, fov }, aspect) {
  const lowest = tilt + Math.atan(Math.tan(fov / 2) / aspect);
  if (lowest <= 0) return Infinity;
  // Looking straight down or farther back, it sees what is below it.
  const seen = lowest < Math.PI / 2 ? height / Math.tan(lowest) : 0;
  return Math.max(seen, (NEAREST_M - height * Math.sin(tilt)) / Math.max(Math.cos(tilt), 0.01));
}

/**
 * @typedef {object} Guides
 * @property {[from: Point, to: Point][]} sides of the robot's way
 * @property {{from: Point, to: Point, metres: number}[]} marks
 */

/**
 * @param {Mounting} mounting
 * @param {number} aspect width by height of the picture
 * @returns {Guides} with what is seen of the ground alone
 */
export function layGuides(mounting, aspect) {
  const nearest = nearestSeen(mounting, aspect);
  const farthest = MARKS_M[MARKS_M.length - 1];
  const half = mounting.width / 2;
  /** @type {Guides} */
  const guides = { sides: [], marks: [] };
  for (const left of [half, -half]) {
    const from = project(mounting, nearest, left);
    const to = project(mounting, farthest, left);
    if (nearest < farthest && from && to) guides.sides.push([from, to]);
  }
  for (const metres of MARKS_M) {
    const from = project(mounting, metres, half);
    const to = project(mounting, metres, -half);
    if (metres > nearest && from && to && from.y > -0.5 / aspect) guides.marks.push({ from, to, metres });
  }
  return guides;
}

const SVG = 'http://www.w3.org/2000/svg';
/** The drawing's width in its own units; text is measured in them, too. */
const DRAWN_WIDTH = 1_000;

/** The guides as a drawing that lies over a picture with `object-fit: contain`. */
export class GuideLines {
  #drawn = '';
  element = document.createElementNS(SVG, 'svg');

  constructor() {
    this.element.classList.add('drive-guides');
    this.element.setAttribute('aria-hidden', 'true');
    // So that the labels can be read on a phone, too.
    new ResizeObserver(([{ contentRect }]) => {
      this.element.style.setProperty('--unit', String(contentRect.width / DRAWN_WIDTH || 1));
    }).observe(this.element);
  }

  /**
   * @param {Mounting | null} mounting null: nothing is known of the camera, and nothing drawn
   * @param {number} aspect
   */
  show(mounting, aspect) {
    const wanted = JSON.stringify([mounting, aspect]);
    if (wanted === this.#drawn) return;
    this.#drawn = wanted;
    const height = DRAWN_WIDTH / aspect;
    this.element.setAttribute('viewBox', `${-DRAWN_WIDTH / 2} ${-height / 2} ${DRAWN_WIDTH} ${height}`);
    const { sides, marks } = mounting ? layGuides(mounting, aspect) : { sides: [], marks: [] };
    this.element.replaceChildren(
      // Dark below light: seen on every ground.
      ...['drive-guide-edge', 'drive-guide'].flatMap((name) => [
        ...sides.map(([from, to]) => line(name, from, to)),
        ...marks.map(({ from, to }) => line(name, from, to)),
      ]),
      ...marks.map(({ to, metres }) => label(to, `${metres} m`)),
    );
  }
}

/**
 * @param {string} name
 * @param {Point} from
 * @param {Point} to
 */
function line(name, from, to) {
  const element = document.createElementNS(SVG, 'line');
  element.classList.add(name);
  const places = { x1: from.x, y1: from.y, x2: to.x, y2: to.y };
  for (const [key, value] of Object.entries(places)) element.setAttribute(key, (value * DRAWN_WIDTH).toFixed(1));
  return element;
}

/**
 * @param {Point} at
 * @param {string} text
 */
function label(at, text) {
  const element = document.createElementNS(SVG, 'text');
  element.classList.add('drive-guide-label');
  element.setAttribute('x', (at.x * DRAWN_WIDTH + 8).toFixed(1));
  element.setAttribute('y', (at.y * DRAWN_WIDTH + 5).toFixed(1));
  element.textContent = text;
  return element;
}
