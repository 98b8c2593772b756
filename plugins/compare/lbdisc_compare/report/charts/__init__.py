"""Charts as SVG, drawn by matplotlib; colours and fonts are the page's own."""
