package dev.atelier.report;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * Builds a report once, as Markdown beside its plots and as one HTML file that holds all it shows
 * and asks no other host for anything.
 */
final class Page {

  private static final String HEAD =
      """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"/>
      <style>
      :root{color-scheme:light dark;--back:#fff;--ink:#1c1c1c;--line:#d5d5d5;--warn:#fff3d6;--edge:#c98a00}
      @media screen and (prefers-color-scheme:dark){:root{--back:#161616;--ink:#eee;--line:#3a3a3a;--warn:#3a2c08;--edge:#f0c14b}}
      body{background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif;max-width:1100px;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
      h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem}
      .wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}
      th,td{padding:.35rem .7rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap;vertical-align:top}
      th:first-child,td:first-child,.words td,.words th{text-align:left}th:first-child,td:first-child{padding-left:0}
      td.long{text-align:left;white-space:normal;min-width:14rem}
      figure{margin:1.2rem 0;overflow-x:auto}figure svg{width:100%;min-width:540px;max-width:760px;display:block}
      figcaption{font-size:.9rem}.grids{display:flex;flex-wrap:wrap;gap:1rem}.grids figure{margin:0;flex:1 1 220px;max-width:420px}
      pre{border:1px solid var(--line);padding:.6rem 1rem;font-size:.85rem;line-height:1.35;overflow-x:auto;overflow-wrap:normal}
      @media print{pre{white-space:pre-wrap;overflow-wrap:anywhere}}
      .grids img{width:100%;image-rendering:pixelated;display:block}
      @page{size:A4;margin:12mm}
      @media print{body{font-size:9pt;max-width:none;padding:0}.wide,figure{overflow:visible}
      table{font-size:7.5pt}th,td,td.long{white-space:normal;overflow-wrap:break-word;min-width:0;padding:.2rem .3rem}td.long,td:first-child,th{overflow-wrap:anywhere}thead{display:table-header-group}
      figure svg{min-width:0;max-width:150mm}tr,figure,.warning{break-inside:avoid}h2{break-after:avoid}.warning{print-color-adjust:exact}}
      .warning{background:var(--warn);border-left:4px solid var(--edge);padding:.6rem 1rem;margin:1rem 0}
      </style>
      """;
  private static final int LONGEST_LINE = 40;

  private final String title;
  private final StringBuilder markdown = new StringBuilder();
  private final StringBuilder html = new StringBuilder();
  private final List<Report.File> plots = new ArrayList<>();

  Page(String title) {
    this.title = title;
    markdown.append("# ").append(plain(title)).append("\n\n");
    html.append("<h1>").append(Svg.escape(title)).append("</h1>\n");
  }

  void heading(String text) {
    markdown.append("## ").append(plain(text)).append("\n\n");
    html.append("<h2>").append(Svg.escape(text)).append("</h2>\n");
  }

  void paragraph(String text) {
    markdown.append(plain(text)).append("\n\n");
    html.append("<p>").append(Svg.escape(text)).append("</p>\n");
  }

  /** A spec, to be copied into a file. */
  void spec(SpecYaml spec) {
    if (!spec.hidden().isEmpty()) {
      warning(
          "Fields held secrets, which are left out here: %s."
              .formatted(String.join(", ", spec.hidden())));
    }
    String fence = "```";
    while (spec.text().contains(fence)) {
      fence += "`";
    }
    markdown.append("%syaml\n%s%s\n\n".formatted(fence, spec.text(), fence));
    html.append("<pre tabindex=\"0\"><code class=\"language-yaml\">")
        .append(Svg.escape(spec.text()))
        .append("</code></pre>\n");
  }

  void list(List<String> items) {
    html.append("<ul>\n");
    for (String item : items) {
      markdown.append("- ").append(plain(item)).append('\n');
      html.append("<li>").append(Svg.escape(item)).append("</li>\n");
    }
    markdown.append('\n');
    html.append("</ul>\n");
  }

  void warning(String text) {
    markdown.append("> **Warning.** ").append(plain(text)).append("\n\n");
    html.append("<div class=\"warning\" role=\"note\"><strong>Warning.</strong> ")
        .append(Svg.escape(text))
        .append("</div>\n");
  }

  /** A table of figures; a row has as many cells as there are columns. */
  void table(List<String> columns, List<List<String>> rows) {
    table("", columns, rows);
  }

  /** A table of texts, which begin at the left. */
  void wordTable(List<String> columns, List<List<String>> rows) {
    table(" class=\"words\"", columns, rows);
  }

  private void table(String attributes, List<String> columns, List<List<String>> rows) {
    markdown.append(row(columns)).append('|').append("---|".repeat(columns.size())).append('\n');
    html.append("<div class=\"wide\" tabindex=\"0\"><table")
        .append(attributes)
        .append("><thead><tr>");
    columns.forEach(c -> html.append("<th scope=\"col\">").append(Svg.escape(c)).append("</th>"));
    html.append("</tr></thead><tbody>\n");
    for (List<String> cells : rows) {
      if (cells.size() != columns.size()) {
        throw new IllegalArgumentException(
            "A row of %d columns cannot have %d cells.".formatted(columns.size(), cells.size()));
      }
      markdown.append(row(cells));
      html.append("<tr>");
      for (String cell : cells) {
        html.append(cell.length() > LONGEST_LINE ? "<td class=\"long\">" : "<td>")
            .append(Svg.escape(cell))
            .append("</td>");
      }
      html.append("</tr>\n");
    }
    markdown.append('\n');
    html.append("</tbody></table></div>\n");
  }

  /** A drawing, also kept as a file {@code report-<name>.svg}. */
  void plot(String name, Svg svg, String caption) {
    String file = "report-" + name + ".svg";
    plots.add(
        new Report.File(file, "image/svg+xml", svg.standalone().getBytes(StandardCharsets.UTF_8)));
    markdown.append("![%s](%s)\n\n".formatted(plain(caption), file));
    html.append("<figure tabindex=\"0\">")
        .append(svg.inline())
        .append("<figcaption>")
        .append(Svg.escape(caption))
        .append("</figcaption></figure>\n");
  }

  /** Pictures beside each other, also composed into one file {@code report-<name>.png}. */
  void pictures(String name, List<SampleGrid> pictures) {
    String file = "report-" + name + ".png";
    List<byte[]> pngs = pictures.stream().map(SampleGrid::png).toList();
    plots.add(new Report.File(file, "image/png", SampleGrids.sideBySide(pngs)));
    String captions = plain(String.join(", ", pictures.stream().map(SampleGrid::caption).toList()));
    markdown.append("From left to right: %s.\n\n![%s](%s)\n\n".formatted(captions, captions, file));
    html.append("<div class=\"grids\">");
    for (SampleGrid picture : pictures) {
      String caption = Svg.escape(picture.caption());
      html.append("<figure><img alt=\"samples: ")
          .append(caption)
          .append("\" src=\"data:image/png;base64,")
          .append(Base64.getEncoder().encodeToString(picture.png()))
          .append("\"/><figcaption>")
          .append(caption)
          .append("</figcaption></figure>\n");
    }
    html.append("</div>\n");
  }

  /** The finished files: {@code report.md}, {@code report.html}, plots, then {@code more}. */
  Report report(List<Report.File> more) {
    List<Report.File> files = new ArrayList<>();
    files.add(file("report.md", "text/markdown; charset=utf-8", markdown.toString()));
    String page =
        HEAD
            + "<title>"
            + Svg.escape(title)
            + "</title></head><body><main>\n"
            + html
            + "</main></body></html>\n";
    files.add(file("report.html", "text/html; charset=utf-8", page));
    files.addAll(plots);
    files.addAll(more);
    return new Report(files);
  }

  private static Report.File file(String name, String contentType, String text) {
    return new Report.File(name, contentType, text.getBytes(StandardCharsets.UTF_8));
  }

  private static String row(List<String> cells) {
    StringBuilder row = new StringBuilder("|");
    cells.forEach(c -> row.append(' ').append(plain(c)).append(" |"));
    return row.append('\n').toString();
  }

  /** On one line, with nothing that Markdown or HTML would read as its own. */
  private static String plain(String text) {
    return text.replaceAll("\\s+", " ")
        .replaceAll("([\\\\`*_{}\\[\\]|#])", "\\\\$1")
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;");
  }
}
