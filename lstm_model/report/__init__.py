"""From a night's result to the texts and the page that people read."""
