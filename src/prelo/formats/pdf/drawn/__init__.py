"""What is drawn and is no row of text: charts, logos, and how a drawing becomes operators or SVG."""
