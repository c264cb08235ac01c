package dev.atelier.dataset;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The files of one folder that a pattern names, as WebDataset writes it: {@code *}, {@code ?},
 * {@code {00000..00331}} and {@code {a,b}}.
 */
public final class ShardNames {

  private static final int MOST = 100_000;
  private static final Pattern BRACES = Pattern.compile("\\{([^{}]*)\\}");
  private static final Pattern RANGE = Pattern.compile("(\\d{1,9})\\.\\.(\\d{1,9})");

  private final String pattern;
  private final List<String> expanded;

  private ShardNames(String pattern) {
    this.pattern = pattern;
    this.expanded = expand(pattern);
  }

  /**
   * The pattern that the name of a file is; empty: it is a name.
   *
   * @throws DatasetException if it names too many files
   */
  public static Optional<ShardNames> of(String fileName) {
    return fileName.matches("(?s).*[*?].*") || BRACES.matcher(fileName).find()
        ? Optional.of(new ShardNames(fileName))
        : Optional.empty();
  }

  /** A pattern that names a file which lies alone in its folder. */
  static String alone(String name) {
    return "?" + name.substring(name.offsetByCodePoints(0, 1)).replaceAll("[*{}]", "?");
  }

  /**
   * The pattern that the last part of a path is, where there is no file of that name.
   *
   * @throws DatasetException if it names too many files
   */
  static Optional<ShardNames> of(Path path) {
    return Files.exists(path) || path.getFileName() == null
        ? Optional.empty()
        : of(path.getFileName().toString());
  }

  private static List<String> expand(String pattern) {
    Matcher braces = BRACES.matcher(pattern);
    if (!braces.find()) {
      return List.of(pattern);
    }
    List<String> all = new ArrayList<>();
    String before = pattern.substring(0, braces.start());
    for (String end : expand(pattern.substring(braces.end()))) {
      for (String choice : choices(braces.group(1))) {
        if (all.size() == MOST) {
          throw corrupt("'%s' names more than %d files.".formatted(EntryName.shown(pattern), MOST));
        }
        all.add(before + choice + end);
      }
    }
    return all;
  }

  private static List<String> choices(String text) {
    Matcher range = RANGE.matcher(text);
    if (!range.matches()) {
      return List.of(text.split(",", -1));
    }
    int first = Integer.parseInt(range.group(1));
    int last = Integer.parseInt(range.group(2));
    if (last < first || last - first >= MOST) {
      throw corrupt(
          "'{%s}' is no range: expected the first number before the last, and at most %d files."
              .formatted(text, MOST));
    }
    List<String> numbers = new ArrayList<>();
    for (int i = first; i <= last; i++) {
      String digits = Integer.toString(i);
      numbers.add("0".repeat(Math.max(0, range.group(1).length() - digits.length())) + digits);
    }
    return numbers;
  }

  /**
   * The files that are meant, in name order.
   *
   * @param available names of the folder's files
   * @throws DatasetException if there is none, or not each that is named without {@code *} and
   *     {@code ?}
   */
  public List<String> among(Collection<String> available) {
    TreeSet<String> there = new TreeSet<>(available);
    TreeSet<String> found = new TreeSet<>();
    for (String one : expanded) {
      if (one.indexOf('*') < 0 && one.indexOf('?') < 0) {
        if (!there.contains(one)) {
          throw corrupt(
              "'%s' names %d files, of which '%s' is not there."
                  .formatted(pattern, expanded.size(), one));
        }
        found.add(one);
      } else {
        Pattern glob = glob(one);
        there.stream().filter(name -> glob.matcher(name).matches()).forEach(found::add);
      }
    }
    if (found.isEmpty()) {
      throw corrupt("There is no file '%s'.".formatted(pattern));
    }
    return List.copyOf(found);
  }

  private static Pattern glob(String pattern) {
    StringBuilder regex = new StringBuilder("(?s)");
    for (int i = 0; i < pattern.length(); i++) {
      char c = pattern.charAt(i);
      regex.append(c == '*' ? ".*" : c == '?' ? "." : Pattern.quote(String.valueOf(c)));
    }
    return Pattern.compile(regex.toString());
  }

  /** The files of the folder of {@code path}, whose last part is this pattern. */
  List<Path> files(Path path) throws IOException {
    Path folder = path.toAbsolutePath().getParent();
    if (!Files.isDirectory(folder)) {
      throw corrupt("There is no folder '%s'.".formatted(folder));
    }
    List<String> names;
    try (Stream<Path> all = Files.list(folder)) {
      names = all.filter(Files::isRegularFile).map(file -> file.getFileName().toString()).toList();
    }
    return among(names).stream().map(folder::resolve).toList();
  }

  private static DatasetException corrupt(String message) {
    return new DatasetException(DatasetException.Kind.CORRUPT, message);
  }
}
