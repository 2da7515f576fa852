"""Screenshots: the site, the pages and the pictures of them."""
