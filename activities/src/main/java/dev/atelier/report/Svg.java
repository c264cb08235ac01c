package dev.atelier.report;

import java.util.Locale;

/**
 * Writes one SVG drawing. No font is measured and none is needed to write it: texts are anchored,
 * and the viewer's own sans-serif draws them. Colours are CSS variables (after Okabe and Ito's
 * palette, which colour-blind people tell apart) that follow the viewer's light or dark scheme.
 */
final class Svg {

  static final int COLOURS = 8;

  private static final String STYLE =
      """
      .atelier-plot{--ink:#1c1c1c;--soft:#666;--grid:#ddd;--c0:#1c1c1c;--c1:#d55e00;--c2:#0072b2;\
      --c3:#009e73;--c4:#cc79a7;--c5:#b07800;--c6:#2f8fc9;--c7:#777;font:13px system-ui,sans-serif}
      @media screen and (prefers-color-scheme:dark){.atelier-plot{--ink:#eee;--soft:#aaa;--grid:#3a3a3a;\
      --c0:#eee;--c1:#ff8a3d;--c2:#5ab4f0;--c3:#2fcf9f;--c4:#e79ac6;--c5:#f0c14b;--c6:#9ad4ff;--c7:#aaa}}
      .atelier-plot text{fill:var(--ink)}.atelier-plot .soft{fill:var(--soft)}\
      .atelier-plot .grid{stroke:var(--grid)}.atelier-plot .axis{stroke:var(--soft)}
      """;

  private final int width;
  private final int height;
  private final String title;
  private final StringBuilder body = new StringBuilder();

  Svg(int width, int height, String title) {
    this.width = width;
    this.height = height;
    this.title = title;
  }

  /** Text as XML and HTML hold it; what XML cannot hold becomes U+FFFD. */
  static String escape(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '&' -> out.append("&amp;");
                case '"' -> out.append("&quot;");
                case '\'' -> out.append("&#39;");
                default -> out.appendCodePoint(isXmlCharacter(c) ? c : 0xFFFD);
              }
            });
    return out.toString();
  }

  private static boolean isXmlCharacter(int c) {
    boolean surrogate = c >= 0xD800 && c <= 0xDFFF;
    return c == '\n' || c == '\t' || (c >= 0x20 && c != 0xFFFE && c != 0xFFFF && !surrogate);
  }

  static String colour(int index) {
    return "var(--c%d)".formatted(index % COLOURS);
  }

  static String shortened(String text, int longest) {
    return text.length() <= longest ? text : text.substring(0, longest - 1) + "…";
  }

  void text(double x, double y, String anchor, String cssClass, String text) {
    add(
        "<text x=\"%s\" y=\"%s\" text-anchor=\"%s\" class=\"%s\">%s</text>"
            .formatted(n(x), n(y), anchor, cssClass, escape(text)));
  }

  void verticalText(double x, double y, String text) {
    add(
        "<text transform=\"translate(%s %s) rotate(-90)\" text-anchor=\"middle\">%s</text>"
            .formatted(n(x), n(y), escape(text)));
  }

  void line(double x1, double y1, double x2, double y2, String cssClass) {
    add(
        "<line x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" class=\"%s\"/>"
            .formatted(n(x1), n(y1), n(x2), n(y2), cssClass));
  }

  void stroke(double x1, double y1, double x2, double y2, String colour) {
    add(
        "<line x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" stroke=\"%s\" stroke-width=\"1.5\"/>"
            .formatted(n(x1), n(y1), n(x2), n(y2), colour));
  }

  void polyline(String points, String colour, double width, double opacity, String dashes) {
    add(
        "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" opacity=\"%s\" stroke-linejoin=\"round\" stroke-dasharray=\"%s\"/>"
            .formatted(points, colour, n(width), n(opacity), dashes));
  }

  void rectangle(double x, double y, double w, double h, String colour) {
    add(
        "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill=\"%s\"/>"
            .formatted(n(x), n(y), n(Math.max(0, w)), n(h), colour));
  }

  /** A filled marker; its shape differs with {@code index}, as its colour does. */
  void marker(double x, double y, int index, String hover) {
    String path =
        switch (index % 4) {
          case 0 -> "M%s %sm-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z".formatted(n(x), n(y));
          case 1 -> "M%s %sm-4.5 -4.5h9v9h-9z".formatted(n(x), n(y));
          case 2 -> "M%s %sm0 -6l6 10h-12z".formatted(n(x), n(y));
          default -> "M%s %sm0 -6l6 6l-6 6l-6 -6z".formatted(n(x), n(y));
        };
    add(
        "<path d=\"%s\" fill=\"%s\"><title>%s</title></path>"
            .formatted(path, colour(index), escape(hover)));
  }

  private void add(String element) {
    body.append(element).append('\n');
  }

  /** The drawing as a file of its own. */
  String standalone() {
    return element(" xmlns=\"http://www.w3.org/2000/svg\"");
  }

  /** The drawing as a part of an HTML page. */
  String inline() {
    return element("");
  }

  private String element(String namespace) {
    return "<svg%s class=\"atelier-plot\" viewBox=\"0 0 %d %d\" role=\"img\"><title>%s</title><style>%s</style>\n%s</svg>\n"
        .formatted(namespace, width, height, escape(title), STYLE, body);
  }

  static String n(double value) {
    return String.format(Locale.ROOT, "%.2f", value).replaceAll("\\.?0+$", "");
  }
}
