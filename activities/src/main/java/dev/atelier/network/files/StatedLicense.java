package dev.atelier.network.files;

import dev.atelier.untrusted.OneLine;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The licence that the front matter of a model's {@code README.md} states. */
public final class StatedLicense {

  /** The file that states it. */
  public static final String FILE = "README.md";

  private static final int MOST_BYTES = 1 << 16; // of the front matter
  private static final int MOST_CHARACTERS = 200;
  private static final Pattern FRONT_MATTER =
      Pattern.compile("\\A\uFEFF?---[ \\t]*\\R(.*?)\\R---[ \\t]*(?:\\R|\\z)", Pattern.DOTALL);

  private StatedLicense() {}

  /** What the file states; empty: it states none, or there is no such file. */
  public static Optional<String> of(Path readme) throws IOException {
    if (!Files.isRegularFile(readme)) {
      return Optional.empty();
    }
    try (InputStream in = Files.newInputStream(readme)) {
      return in(new String(in.readNBytes(MOST_BYTES), StandardCharsets.UTF_8));
    }
  }

  /** As {@link #of}, of the file's text. */
  static Optional<String> in(String text) {
    Matcher front = FRONT_MATTER.matcher(text);
    if (!front.find()) {
      return Optional.empty();
    }
    Optional<String> license = field(front.group(1), "license");
    Optional<String> name = field(front.group(1), "license_name");
    // "other" has its name beside it.
    return license.map(
        word -> word.equals("other") ? name.map(n -> word + " (" + n + ")").orElse(word) : word);
  }

  private static Optional<String> field(String yaml, String field) {
    Matcher line =
        Pattern.compile("(?m)^%s:[ \\t]*(?:\\R[ \\t]*-[ \\t]+)?(\\S.*)$".formatted(field))
            .matcher(yaml);
    return line.find()
        ? Optional.of(OneLine.of(line.group(1), MOST_CHARACTERS))
            .map(word -> word.replaceFirst("\\s+#.*$", "").strip())
            .map(word -> word.replaceFirst("^([\"'])(.*)\\1$", "$2"))
            .filter(word -> !word.isEmpty())
        : Optional.empty();
  }
}
