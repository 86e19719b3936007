// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * The elements of a tile.
 *
 * @module tile/parts
 */

import { find } from '../dom.js';

/** @typedef {ReturnType<typeof buildTile>['parts']} Parts */

/**
 * Makes a tile of the page's template.
 *
 * @param {string} name of the camera
 */
export function buildTile(name) {
  const template = find(document, '#tile-template', HTMLTemplateElement);
  const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const element = find(fragment, '.tile', HTMLElement);
  const parts = {
    name: find(element, '.name', HTMLElement),
    badge: find(element, '.badge-text', HTMLElement),
    full: find(element, '.full', HTMLButtonElement),
    picture: find(element, '.picture', HTMLElement),
    video: find(element, '.video', HTMLVideoElement),
    last: find(element, '.last-picture', HTMLCanvasElement),
    mark: find(element, '.age-mark', HTMLElement),
    markTitle: find(element, '.age-mark-title', HTMLElement),
    markText: find(element, '.age-mark-text', HTMLElement),
    message: find(element, '.message', HTMLElement),
    title: find(element, '.message-title', HTMLElement),
    text: find(element, '.message-text', HTMLElement),
    detail: find(element, '.message-detail', HTMLElement),
    retry: find(element, '.retry', HTMLButtonElement),
    age: find(element, '.figure-age', HTMLElement),
    number: find(element, '.age-number', HTMLElement),
    graph: find(element, '.age-graph', SVGSVGElement),
    size: find(element, '.figure-size', HTMLElement),
    fps: find(element, '.figure-fps', HTMLElement),
    rate: find(element, '.figure-rate', HTMLElement),
    codec: find(element, '.figure-codec', HTMLElement),
    rtt: find(element, '.figure-rtt', HTMLElement),
    jitter: find(element, '.figure-jitter', HTMLElement),
    loss: find(element, '.figure-loss', HTMLElement),
    way: find(element, '.figure-way', HTMLElement),
  };
  element.dataset.camera = name;
  element.setAttribute('aria-label', `Camera ${name}`);
  parts.name.textContent = name;
  parts.video.setAttribute('aria-label', `Picture of ${name}`);
  parts.full.setAttribute('aria-label', `Full screen: ${name}`);
  return { element, parts };
}
