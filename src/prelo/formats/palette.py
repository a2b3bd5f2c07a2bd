"""The colours of series in charts, the same in every format."""

# The house's ink, then Okabe and Ito's colours ("Color Universal Design", 2008), which those who see red and
# green alike still tell apart; ordered so that neighbours differ in lightness too.
PALETTE = (
    "#1F3A5F", "#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#8C97A8", "#D9C530",
)  # fmt: skip
