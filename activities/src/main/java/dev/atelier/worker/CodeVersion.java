package dev.atelier.worker;

import dev.atelier.store.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The version of this program, as checkpoints, protocols and fingerprints name it: of the classes
 * that determine what is trained and measured, whatever else a build changes.
 */
final class CodeVersion {

  private static final List<String> PACKAGES =
      List.of("dataset", "diffusion", "network", "training", "evaluation", "merging", "assignment");
  private static final int DIGITS = 16;

  static final String CURRENT = version(); // after what it is made of

  private CodeVersion() {}

  private static String version() {
    try {
      URI origin = CodeVersion.class.getProtectionDomain().getCodeSource().getLocation().toURI();
      if (Files.isDirectory(Path.of(origin))) {
        return hash(Path.of(origin));
      }
      try (FileSystem jar = FileSystems.newFileSystem(Path.of(origin), Map.of())) {
        return hash(jar.getPath("/"));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read the program's own classes.", e);
    } catch (URISyntaxException e) {
      throw new IllegalStateException("The program's own classes have no path.", e);
    }
  }

  private static String hash(Path classes) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (String name : PACKAGES) {
      Path folder = classes.resolve("dev/atelier").resolve(name);
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
          lines.append(name).append('/').append(folder.relativize(file)).append(' ');
          lines.append(Sha256.of(Files.readAllBytes(file))).append('\n');
        }
      }
    }
    return Sha256.of(lines.toString().getBytes(StandardCharsets.UTF_8)).substring(0, DIGITS);
  }
}
