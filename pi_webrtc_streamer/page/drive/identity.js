// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Who drives: a number for the tab, and a name for the others.
 *
 * @module drive/identity
 */

const TAB = 'drive.tab';
const NAME = 'drive.name';
const LONGEST_NAME = 40;

/**
 * The number of this tab: the same after a reload, another one in a copy of the tab.
 *
 * A copy gets this tab's storage, too. So the number is there only while the page is not.
 *
 * @returns {string} 32 hexadecimal digits
 */
export function takeTab() {
  const kept = sessionStorage.getItem(TAB);
  sessionStorage.removeItem(TAB);
  if (kept && /^[0-9a-f]{32}$/.test(kept)) return kept;
  // Without TLS there is no randomUUID.
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {string} tab for the page that comes next in this tab */
export function keepTab(tab) {
  sessionStorage.setItem(TAB, tab);
}

/** @returns {string} what others see: of the page's address, or as given on the page; "" if there is none */
export function givenName() {
  return new URLSearchParams(location.search).get('name') ?? localStorage.getItem(NAME) ?? '';
}

/** @param {string} name */
export function giveName(name) {
  localStorage.setItem(NAME, name.trim().slice(0, LONGEST_NAME));
}
