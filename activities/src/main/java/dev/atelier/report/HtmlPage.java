package dev.atelier.report;

import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.commonmark.Extension;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.node.Image;
import org.commonmark.node.Node;
import org.commonmark.parser.Parser;
import org.commonmark.renderer.html.AttributeProvider;
import org.commonmark.renderer.html.HtmlRenderer;

/** Markdown as one HTML file that needs no other: pictures are within it. */
final class HtmlPage {

  private static final List<Extension> EXTENSIONS = List.of(TablesExtension.create());

  private static final String PAGE =
      """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>%s</title>
      <style>
      :root { color-scheme: light dark; --line: #d8d8d8; --head: #f4f4f4; }
      @media (prefers-color-scheme: dark) { :root { --line: #444; --head: #2a2a2a; } }
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
      h1, h2 { line-height: 1.2; margin-top: 2rem; }
      table { border-collapse: collapse; display: block; overflow-x: auto; font-variant-numeric: tabular-nums; }
      th, td { border-bottom: 1px solid var(--line); padding: .35rem .7rem; text-align: left; vertical-align: top; }
      th { background: var(--head); white-space: nowrap; }
      img { max-width: 100%%; height: auto; background: #fff; border-radius: 6px; }
      td img { image-rendering: pixelated; min-width: 12rem; }
      blockquote { border-left: 4px solid #d55e00; margin: 1rem 0; padding: .1rem 1rem; background: var(--head); }
      code { font-size: .9em; }
      </style>
      </head>
      <body>
      %s</body>
      </html>
      """;

  private HtmlPage() {}

  /**
   * Renders a page.
   *
   * @param pictures that the Markdown refers to by their names
   */
  static String of(String title, String markdown, List<Report.File> pictures) {
    Map<String, String> sources =
        pictures.stream().collect(Collectors.toMap(Report.File::name, HtmlPage::dataUri));
    HtmlRenderer renderer =
        HtmlRenderer.builder()
            .extensions(EXTENSIONS)
            .escapeHtml(true)
            .sanitizeUrls(false) // what users wrote is escaped and makes no links
            .attributeProviderFactory(context -> inlining(sources::get))
            .build();
    Node document = Parser.builder().extensions(EXTENSIONS).build().parse(markdown);
    return PAGE.formatted(escaped(title), renderer.render(document));
  }

  private static AttributeProvider inlining(Function<String, String> sourceOf) {
    return (node, tag, attributes) -> {
      if (node instanceof Image image && sourceOf.apply(image.getDestination()) != null) {
        attributes.put("src", sourceOf.apply(image.getDestination()));
      }
    };
  }

  private static String dataUri(Report.File picture) {
    return "data:%s;base64,%s"
        .formatted(picture.contentType(), Base64.getEncoder().encodeToString(picture.content()));
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
