"""What a client's phone makes of the pages: the site as in production, Chromium and Lighthouse."""
