package dev.atelier.local;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The names of metrics in scrapes and in PromQL. */
final class PromNames {

  private static final Pattern SAMPLE = Pattern.compile("([a-zA-Z_:][\\w:]*)[ {].*");
  // A name that is no function, and no keyword or label (those are taken away first).
  private static final Pattern NAME =
      Pattern.compile("(?<![\\w.])([a-zA-Z_:][\\w:]*)(?![\\w:]*\\s*\\()");
  private static final Pattern NOT_METRICS =
      Pattern.compile(
          "\"[^\"]*\"|\\{[^}]*\\}|\\[[^\\]]*\\]|\\b(by|without|on|ignoring|group_left|group_right)\\s*\\([^)]*\\)");
  private static final Set<String> KEYWORDS =
      Set.of("and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring");

  private PromNames() {}

  static Set<String> ofScrape(String scrape) {
    return scrape
        .lines()
        .filter(line -> !line.startsWith("#"))
        .map(SAMPLE::matcher)
        .filter(Matcher::matches)
        .map(matcher -> matcher.group(1))
        .collect(Collectors.toSet());
  }

  static Set<String> ofQuery(String query) {
    String rest = NOT_METRICS.matcher(query).replaceAll(" ");
    return NAME.matcher(rest)
        .results()
        .map(match -> match.group(1))
        .filter(name -> !KEYWORDS.contains(name))
        .collect(Collectors.toSet());
  }

  /** Every metric that a dashboard or an alert rule names, and a file that does. */
  static Map<String, String> ofQueries(Path deploy) throws IOException {
    Map<String, String> found = new TreeMap<>();
    for (Path file : files(deploy.resolve("grafana/dashboards"), ".json")) {
      collect(new ObjectMapper().readTree(file.toFile()), file, found);
    }
    for (Path file : files(deploy.resolve("prometheus"), ".yml")) {
      collect(new YAMLMapper().readTree(file.toFile()), file, found);
    }
    return found;
  }

  private static List<Path> files(Path folder, String ending) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(ending)).toList();
    }
  }

  private static void collect(JsonNode node, Path file, Map<String, String> found) {
    JsonNode query = node.path("expr");
    if (query.isTextual()) {
      ofQuery(query.asText()).forEach(name -> found.put(name, file.getFileName().toString()));
    }
    node.forEach(child -> collect(child, file, found));
  }
}
