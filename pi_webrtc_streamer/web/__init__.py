"""HTTP: the page, WHEP, the cameras' state, and pictures as JPEG."""
