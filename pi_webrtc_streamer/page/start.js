// SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
// SPDX-License-Identifier: Apache-2.0

/*
 * Mends a page that could not be loaded whole. A network that changes meanwhile ends every request, and where one
 * module is missing, none of them runs. No module itself, so that it is there by then.
 */
(() => {
  const RETRY_MS = 1_000;

  /** Begins the page anew, but not before somebody answers: the browser's own page would stay for ever. */
  const beginAnew = () => {
    fetch(location.href, { method: 'HEAD', cache: 'no-store' }).then(
      () => location.reload(),
      () => setTimeout(beginAnew, RETRY_MS),
    );
  };

  window.addEventListener('error', ({ target }) => {
    if (target instanceof HTMLScriptElement) setTimeout(beginAnew, RETRY_MS);
    else if (target instanceof HTMLLinkElement && target.rel === 'stylesheet') {
      setTimeout(() => target.replaceWith(target.cloneNode()), RETRY_MS);
    }
  }, { capture: true });
})();
