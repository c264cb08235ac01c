package dev.atelier.dataset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.spec.SourceLocation.HubModel;
import dev.atelier.spec.SourceLocation.WebFile;
import dev.atelier.untrusted.OneLine;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import okhttp3.Response;

/**
 * Asks the Hub for a commit of a model, by the HTTP interface that its own client uses: {@code
 * /api/models/ID/revision/COMMIT} lists it, {@code /ID/resolve/COMMIT/FILE} has its files or
 * redirects to a host that has. What the Hub says of another commit is refused.
 */
public final class HubDownload {

  private static final long MOST_LISTING_BYTES = 8_000_000; // a model of 30,000 files
  private static final int MOST_CHARACTERS = 200; // of a licence
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path downloads;
  private final PreparationListener listener;
  private final SourceGuard guard;

  /**
   * @param downloads directory that keeps what was listed
   * @param guard where the Hub is, and whether it and the hosts of its files may be asked
   */
  public HubDownload(Path downloads, PreparationListener listener, SourceGuard guard) {
    this.downloads = downloads;
    this.listener = listener;
    this.guard = guard;
  }

  /**
   * A file of a commit.
   *
   * @param name below the model
   * @param bytes absent: the Hub does not say
   * @param sha256 of one that is kept outside of git (LFS)
   */
  public record HubFile(String name, OptionalLong bytes, Optional<String> sha256) {}

  /**
   * What a commit has.
   *
   * @param license as the model's card states it
   */
  public record Listing(Optional<String> license, List<HubFile> files) {}

  /**
   * What the model's commit has.
   *
   * @throws DatasetException if there is none, or it is not shown to who asks
   */
  public Listing list(HubModel model) {
    WebFile page =
        at(model, "/api/models/%s/revision/%s?blobs=true".formatted(model.id(), model.revision()));
    Download download = download(downloads, model, limited(MOST_LISTING_BYTES));
    Path file = download.fetch(page, Optional.empty());
    try {
      JsonNode found = JSON.readTree(file.toFile());
      String commit = found.path("sha").asText();
      if (!commit.equals(model.revision())) {
        throw moved(model, commit);
      }
      List<HubFile> files = new ArrayList<>();
      for (JsonNode sibling : found.path("siblings")) {
        files.add(
            new HubFile(
                sibling.path("rfilename").asText(),
                sibling.path("size").canConvertToLong() && sibling.path("size").isIntegralNumber()
                    ? OptionalLong.of(sibling.path("size").asLong())
                    : OptionalLong.empty(),
                Optional.of(sibling.path("lfs").path("sha256").asText())
                    .filter(sha256 -> SHA256.matcher(sha256).matches())));
      }
      return new Listing(license(found), files);
    } catch (IOException e) {
      var unused = download.drop(page);
      throw refused("The Hub's answer about '%s' is no JSON.".formatted(model.id()), e);
    } catch (DatasetException e) {
      var unused = download.drop(page);
      throw e;
    }
  }

  private static Optional<String> license(JsonNode found) {
    JsonNode card = found.path("cardData");
    String license = text(card.path("license"));
    String name = text(card.path("license_name"));
    String shown = license.equals("other") && !name.isEmpty() ? "other (" + name + ")" : license;
    return Optional.of(shown).filter(words -> !words.isEmpty());
  }

  /** A text, or the texts of a list. */
  private static String text(JsonNode node) {
    List<String> words = new ArrayList<>();
    (node.isArray() ? node : List.of(node)).forEach(word -> words.add(word.asText()));
    return OneLine.of(String.join(", ", words), MOST_CHARACTERS);
  }

  /**
   * Brings a file of the commit to {@code target}, where it appears whole or not at all.
   *
   * @param mostBytes that it may have
   * @throws DatasetException if it cannot be fetched, is of another commit, or is not what the Hub
   *     announces where its listing says nothing
   */
  public void fetch(HubModel model, HubFile file, Path target, long mostBytes) {
    String path =
        Stream.of(file.name().split("/"))
            .map(part -> URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20"))
            .collect(Collectors.joining("/"));
    WebFile page = at(model, "/%s/resolve/%s/%s".formatted(model.id(), model.revision(), path));
    try {
      Path parts =
          Files.createDirectories(target.resolveSibling("." + target.getFileName() + ".fetched"));
      AtomicReference<String> announced = new AtomicReference<>("");
      Path fetched =
          new Download(
                  parts,
                  listener,
                  limited(mostBytes),
                  (asked, answer) -> {
                    check(model, asked, answer);
                    if (isHub(asked)) {
                      announced.set(answer.header("X-Linked-Etag", "").replace("\"", ""));
                    }
                  })
              .fetch(page, Optional.empty());
      if (file.sha256().isEmpty() && SHA256.matcher(announced.get()).matches()) {
        requireDigest(file, fetched, announced.get());
      }
      Files.move(
          fetched, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      try (Stream<Path> left = Files.list(parts)) {
        for (Path rest : left.toList()) {
          Files.delete(rest);
        }
      }
      Files.delete(parts);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void requireDigest(HubFile file, Path fetched, String announced) throws IOException {
    String found;
    try (InputStream in = Files.newInputStream(fetched)) {
      found = new ContentHash(listener).of(in);
    }
    if (!found.equals(announced)) {
      Files.delete(fetched);
      throw refused(
          "The Hub announces '%s' with the SHA-256 %s, but it has %s."
              .formatted(file.name(), announced, found));
    }
  }

  /** Base URL of the Hub, without a slash at its end. */
  public String base() {
    return guard.policy().hub().toString().replaceFirst("/+$", "");
  }

  private SourceGuard limited(long bytes) {
    ArchiveLimits limits = guard.limits();
    return new SourceGuard(
        guard.policy(),
        new ArchiveLimits(limits.entries(), Math.min(limits.bytes(), bytes), limits.ratio()),
        guard.credentials());
  }

  private WebFile at(HubModel model, String path) {
    return new WebFile(URI.create(base() + path), model.credentials());
  }

  private Download download(Path directory, HubModel model, SourceGuard allowed) {
    return new Download(
        directory, listener, allowed, (asked, answer) -> check(model, asked, answer));
  }

  private boolean isHub(URI asked) {
    URI hub = guard.policy().hub();
    return asked.getHost().equalsIgnoreCase(hub.getHost()) && asked.getPort() == hub.getPort();
  }

  /** What the Hub itself answers; the hosts that it redirects to say nothing of commits. */
  private void check(HubModel model, URI asked, Response answer) {
    if (!isHub(asked)) {
      return;
    }
    String commit = answer.header("X-Repo-Commit", model.revision());
    if (!commit.equals(model.revision())) {
      throw moved(model, commit);
    }
    String code = answer.header("X-Error-Code", "");
    switch (answer.code()) {
      case 401, 403 -> throw closed(model, answer.code(), code);
      case 404 ->
          throw refused(
              switch (code) {
                case "RevisionNotFound" ->
                    "The model '%s' of the Hub has no commit %s."
                        .formatted(model.id(), model.revision());
                case "EntryNotFound" ->
                    "The model '%s' of the Hub lacks the file '%s' at commit %s."
                        .formatted(model.id(), asked.getPath(), model.revision());
                default ->
                    "The Hub knows no model '%s'%s (HTTP status 404)."
                        .formatted(
                            model.id(),
                            model
                                .credentials()
                                .map(name -> ", or shows none to the credentials '" + name + "'")
                                .orElse(""));
              });
      default -> {}
    }
  }

  private static DatasetException closed(HubModel model, int status, String code) {
    String asks =
        code.equals("GatedRepo")
            ? "The Hub gives '%s' only to who has accepted its terms (HTTP status %d)"
                .formatted(model.id(), status)
            : "The Hub knows no model '%s', or asks for a login to show it (HTTP status %d)"
                .formatted(model.id(), status);
    return refused(
        "%s: %s."
            .formatted(
                asks,
                model
                    .credentials()
                    .map(name -> "the credentials '%s' are not enough".formatted(name))
                    .orElse(
                        "name credentials of the workers with a token, as in hf://OWNER/NAME@COMMIT#credentials=NAME (atelier.sources.credentials-file)")));
  }

  private static DatasetException moved(HubModel model, String commit) {
    return refused(
        "The revision of '%s' has moved: expected commit %s, the Hub says %s."
            .formatted(model.id(), model.revision(), commit.isEmpty() ? "none" : commit));
  }

  private static DatasetException refused(String sentence) {
    return new DatasetException(DatasetException.Kind.UNREACHABLE, sentence);
  }

  private static DatasetException refused(String sentence, Throwable cause) {
    return new DatasetException(DatasetException.Kind.UNREACHABLE, sentence, cause);
  }
}
