// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/**
 * Starts the page, and stops it when the browser puts it away.
 *
 * @module app
 */

import { Page } from './page.js';

const page = new Page();
// For automated tests and for curious people at the console.
Object.assign(window, { streamer: page });

window.addEventListener('pagehide', () => page.stop());
window.addEventListener('pageshow', (event) => {
  // Back from the back/forward cache, where the page was put without its connections.
  if (event.persisted) page.start();
});
page.start();
