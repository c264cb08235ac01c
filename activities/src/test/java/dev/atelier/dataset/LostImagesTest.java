package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.SourcePolicy;
import dev.atelier.workflows.PassedOver;
import dev.atelier.workflows.PassedOver.Reason;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.imageio.ImageIO;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Archives are those of {@code source_fixtures.py}, with what other programs unpack of them. */
class LostImagesTest {

  @TempDir Path temporary;
  private int outputs;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "hard.tar",
        "hard-pax.tar",
        "soft.tar",
        "soft.zip",
        "names.tar",
        "names-ustar.tar",
        "names-python.tar",
        "names.zip",
        "long.tar",
        "long-pax.tar",
        "repeated.tar",
        "repeated.zip",
        "sparse.tar",
        "sparse-pax.tar",
        "encrypted-part.zip",
        "packed.tar",
        "packed.tar.gz",
        "packed.tar.bz2",
        "packed.tar.xz",
        "packed.tar.zst",
        "padded.tar.gz"
      })
  void shouldReadWhatOtherProgramsUnpack(String archive) throws IOException {
    List<Integer> expected = new ArrayList<>();
    for (String line :
        new String(fixture(archive + ".expected"), StandardCharsets.UTF_8).lines().toList()) {
      expected.add(Integer.parseInt(line.substring(line.indexOf(' ') + 1)));
    }
    assertThat(reds(prepare(kept(archive), 1))).isEqualTo(expected).isNotEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "soft.tar, BROKEN_LINK, 3, broken.png",
    "soft.tar, LEAVING_LINK, 4, d/absolute.png",
    "soft.tar, LINK_CYCLE, 3, real/up",
    "soft.zip, BROKEN_LINK, 3, round1.png",
    "repeated.tar, REPEATED, 3, d/x0.png",
    "repeated.zip, REPEATED, 3, d/x2.png",
    "sparse.tar, PACKING, 1, a.png",
    "sparse-pax.tar, PACKING, 1, a.png",
    "encrypted-part.zip, ENCRYPTED, 3, d/x3.png"
  })
  void shouldCountAndNameWhatIsPassedOver(String archive, Reason reason, int files, String example)
      throws IOException {
    assertThat(prepare(kept(archive), 1).manifest().passedOver())
        .filteredOn(passed -> passed.reason() == reason)
        .singleElement()
        .satisfies(
            passed -> {
              assertThat(passed.files()).isEqualTo(files);
              assertThat(passed.examples()).contains(example);
            });
  }

  @Test
  void shouldSayThatAllEntriesAreEncrypted() throws IOException {
    Path archive = kept("encrypted-all.zip");
    assertThatThrownBy(() -> prepare(archive, 1))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("found none that can be used; encrypted: 6 (d/x0.png, ")
        .hasMessageContaining("d/x4.png, …)");
  }

  @ParameterizedTest
  @CsvSource({
    "packed.tar, 1300",
    "packed.tar, 2200",
    "packed.tar.gz, 200",
    "packed.tar.bz2, 200",
    "packed.tar.xz, 200",
    "packed.tar.zst, 200",
    "packed.tar.gz, 8",
    "packed.tar.bz2, 8",
    "packed.tar.xz, 8"
  })
  void shouldSayThatAnArchiveEndsEarly(String archive, int bytes) throws IOException {
    byte[] whole = fixture(archive);
    assertThat(whole.length).isGreaterThan(bytes);
    Path cut = Files.write(temporary.resolve("cut-" + archive), Arrays.copyOf(whole, bytes));
    assertThatThrownBy(() -> prepare(cut, 1))
        .isInstanceOf(DatasetException.class)
        .hasMessage("Cannot read the dataset source '%s': The archive ends early.".formatted(cut));
  }

  @Test
  void shouldRefuseWhatFollowsAGzipUnlessItIsZeros() throws IOException {
    byte[] padded = fixture("padded.tar.gz");
    padded[padded.length - 1] = 1;
    Path archive = Files.write(temporary.resolve("tail.tar.gz"), padded);
    assertThatThrownBy(() -> prepare(archive, 1)).hasMessageContaining("after the end of its gzip");
  }

  @Test
  void shouldReadEveryMemberOfAGzip() throws IOException {
    byte[] tar = fixture("packed.tar");
    ByteArrayOutputStream members = new ByteArrayOutputStream();
    members.write(DatasetPreparationTest.gzip(Arrays.copyOf(tar, 700)));
    members.write(DatasetPreparationTest.gzip(Arrays.copyOfRange(tar, 700, tar.length)));
    Path archive = Files.write(temporary.resolve("members.tar.gz"), members.toByteArray());
    assertThat(reds(prepare(archive, 0))).containsExactly(80, 81, 82, 83);
  }

  @Test
  void shouldSayThatAZipEndsEarly() throws IOException {
    byte[] whole = fixture("names.zip");
    Path cut = Files.write(temporary.resolve("cut.zip"), Arrays.copyOf(whole, whole.length / 2));
    assertThatThrownBy(() -> prepare(cut, 1)).hasMessageContaining("The zip ends early");
  }

  @Test
  void shouldFollowNoMoreLinksOnTheWayThanLinuxDoes() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
      for (int i = 0; i < 50; i++) {
        link(tar, "f%d/n".formatted(i), "../f%d".formatted(i + 1));
      }
      image(tar, "f50/x.png", 1);
    }
    Path archive = Files.write(temporary.resolve("chain.tar"), bytes.toByteArray());
    PreparedDataset prepared = prepare(archive, 1);
    assertThat(reds(prepared)).hasSize(41).containsOnly(1); // through no link to 40
    assertThat(prepared.manifest().passedOver())
        .extracting(PassedOver::reason, PassedOver::files)
        .containsExactly(tuple(Reason.BROKEN_LINK, 10));
  }

  private static void link(TarArchiveOutputStream tar, String name, String target)
      throws IOException {
    TarArchiveEntry entry = new TarArchiveEntry(name, (byte) '2');
    entry.setLinkName(target);
    tar.putArchiveEntry(entry);
    tar.closeArchiveEntry();
  }

  private static void image(TarArchiveOutputStream tar, String name, int red) throws IOException {
    byte[] image = png(red);
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setSize(image.length);
    tar.putArchiveEntry(entry);
    tar.write(image);
    tar.closeArchiveEntry();
  }

  @Test
  void shouldNameArchivesThatAreNotRead() throws IOException {
    byte[] magic = {'7', 'z', (byte) 0xBC, (byte) 0xAF, 0x27, 0x1C, 0, 4};
    Path archive = Files.write(temporary.resolve("a.7z"), magic);
    assertThatThrownBy(() -> prepare(archive, 1))
        .hasMessageContaining("it is a 7z archive, which is not read: expected");
    Path text =
        Files.write(
            temporary.resolve("b.tar.gz"),
            DatasetPreparationTest.gzip("text".getBytes(StandardCharsets.UTF_8)));
    assertThatThrownBy(() -> prepare(text, 1)).hasMessageContaining("it unpacks to no tar archive");
  }

  @Test
  void shouldFollowLinksOfADirectory() throws IOException {
    Path real = Files.createDirectories(temporary.resolve("real/class"));
    write(real.resolve("a.png"), 1);
    Path source = Files.createDirectories(temporary.resolve("source"));
    write(source.resolve("own/b.png"), 2);
    Files.createSymbolicLink(source.resolve("linked"), Path.of("../real/class"));
    Files.createSymbolicLink(source.resolve("own/up"), Path.of(".."));
    Files.createSymbolicLink(source.resolve("own/c.png"), Path.of("../linked/a.png"));
    Files.createSymbolicLink(source.resolve("own/gone.png"), Path.of("missing.png"));
    Path link = Files.createSymbolicLink(temporary.resolve("link"), source);

    PreparedDataset prepared = prepare(link, 0.5);

    assertThat(reds(prepared)).containsExactly(1, 2, 1);
    assertThat(prepared.manifest().passedOver())
        .containsExactly(
            new PassedOver(Reason.BROKEN_LINK, 1, List.of("own/gone.png")),
            new PassedOver(Reason.LINK_CYCLE, 1, List.of("own/up")));
    DatasetManifest classes =
        preparation(SourceGuard.OPEN)
            .prepare(new DatasetSpec(link.toString(), "", 8, null, 3, true, null, 0.5), out())
            .manifest();
    assertThat(classes.classes())
        .extracting(DatasetManifest.ImageClass::name, DatasetManifest.ImageClass::images)
        .containsExactly(tuple("linked", 1), tuple("own", 2));
  }

  @Test
  void shouldNotFollowAFolderOutOfWhatIsAllowed() throws IOException {
    write(temporary.resolve("secret/a.png"), 1);
    Path allowed = Files.createDirectories(temporary.resolve("allowed"));
    write(allowed.resolve("b.png"), 2);
    Files.createSymbolicLink(allowed.resolve("folder"), temporary.resolve("secret"));
    SourceGuard guard =
        new SourceGuard(
            new SourcePolicy(
                Optional.empty(), false, List.of(allowed.toString()), Optional.empty(), ""),
            ArchiveLimits.DEFAULTS);
    assertThatThrownBy(
            () ->
                preparation(guard).prepare(new DatasetSpec(allowed.toString(), "", 8, null), out()))
        .hasMessageContaining("leads to '%s'".formatted(temporary.resolve("secret").toRealPath()));
    assertThat(reds(prepare(allowed, 0))).as("negative control").containsExactly(2, 1);
  }

  @Test
  void shouldReadNamesOfAnyBytesWhateverTheLocale() throws Exception {
    Path source = Files.createDirectories(temporary.resolve("names"));
    String[] escaped = {"%E4.png", "%F6.png", "%FC.png", "%C3%A4.png", "%83A.png", "a.png"};
    for (int i = 0; i < escaped.length; i++) {
      write(Path.of(URI.create(source.toUri() + escaped[i])), 10 + i);
    }
    // In the order of the decoded names: a.png, ä.png, and those that are no UTF-8 by their bytes.
    List<Integer> expected = List.of(15, 13, 14, 10, 11, 12);
    assertThat(reds(prepare(source, 0))).isEqualTo(expected);
    for (String locale : List.of("C", "C.UTF-8", "POSIX")) {
      ProcessBuilder java =
          new ProcessBuilder(
              Path.of(System.getProperty("java.home"), "bin", "java").toString(),
              "-cp",
              System.getProperty("java.class.path"),
              InOtherLocale.class.getName(),
              source.toString(),
              out().toString());
      java.environment().keySet().removeIf(name -> name.startsWith("LC_") || name.equals("LANG"));
      java.environment().put("LC_ALL", locale);
      Process process = java.redirectErrorStream(true).start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(said.strip()).as(locale).isEqualTo(expected.toString());
    }
  }

  /** Prepares its first argument into its second, in a Java of its own. */
  static final class InOtherLocale {
    public static void main(String[] arguments) throws IOException {
      PreparedDataset prepared =
          new DatasetPreparation(
                  Path.of("unused"),
                  uri -> {
                    throw new IOException("no such object");
                  },
                  sentence -> {})
              .prepare(new DatasetSpec(arguments[0], "", 8, null), Path.of(arguments[1]));
      System.out.println(reds(prepared));
    }
  }

  @Test
  void shouldCountEveryKindOfOtherFile() throws IOException {
    Path source = temporary.resolve("mixed");
    write(source.resolve("a.png"), 1);
    for (String name : List.of("b.avif", "c.HEIC", "d.zip", "notes.txt", ".hidden.png", "e.png")) {
      Files.write(source.resolve(name), new byte[] {1, 2, 3});
    }
    Files.createDirectories(source.resolve("__MACOSX"));
    Files.write(source.resolve("__MACOSX/._a.png"), new byte[1]);

    DatasetManifest manifest = prepare(source, 0.8).manifest();

    assertThat(manifest.passedOver())
        .containsExactly(
            new PassedOver(Reason.DAMAGED, 1, List.of("e.png")),
            new PassedOver(Reason.FORMAT, 2, List.of("b.avif", "c.HEIC")),
            new PassedOver(Reason.ARCHIVE, 1, List.of("d.zip")),
            new PassedOver(Reason.HIDDEN, 2, List.of(".hidden.png", "__MACOSX/._a.png")),
            new PassedOver(Reason.NO_IMAGE, 1, List.of("notes.txt")));
    assertThat(manifest.skipped()).isEqualTo(4);
    assertThat(DatasetManifest.read(manifest.toJson())).isEqualTo(manifest);
    assertThatThrownBy(() -> prepare(source, 0.79))
        .hasMessageContaining("4 of its 5 images are lost, expected at most a share of 0.79")
        .hasMessageContaining("dataset.maxLostShare")
        .hasMessageContaining("of a format that is not read: 2 (b.avif, c.HEIC)");
  }

  @Test
  void shouldCountLostImagesAmongTheFirstWhenFewAreAsked() throws IOException {
    Path source = temporary.resolve("few");
    for (int i = 0; i < 4; i++) {
      write(source.resolve(i + ".png"), i);
    }
    Files.write(source.resolve("1b.avif"), new byte[3]);
    Files.write(source.resolve("9.avif"), new byte[3]);
    PreparedDataset prepared =
        preparation(SourceGuard.OPEN)
            .prepare(new DatasetSpec(source.toString(), "", 8, 3, 3, false, null, 0.4), out());
    assertThat(reds(prepared)).containsExactly(0, 1);
    assertThat(prepared.manifest().passedOver())
        .containsExactly(new PassedOver(Reason.FORMAT, 1, List.of("1b.avif")));
  }

  @Test
  void shouldTellApartWhatIsLostWhenAskedForTheContent() throws IOException {
    Path source = temporary.resolve("content");
    write(source.resolve("a.png"), 1);
    String alone = content(source);
    Files.write(source.resolve("b.avif"), new byte[3]);
    assertThat(content(source)).isNotEqualTo(alone);
  }

  private String content(Path source) {
    return preparation(SourceGuard.OPEN)
        .find(new DatasetSpec(source.toString(), "", 8, null, 3, false, null, 1.0))
        .content();
  }

  @Test
  void shouldBoundTheNamesThatLinksGive() throws IOException {
    // Each folder has two links to the next: 2^30 names of one image.
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
      for (int i = 0; i < 30; i++) {
        link(tar, "f%d/a".formatted(i), "../f%d".formatted(i + 1));
        link(tar, "f%d/b".formatted(i), "../f%d".formatted(i + 1));
      }
      image(tar, "f30/x.png", 1);
    }
    Path archive = Files.write(temporary.resolve("links.tar"), bytes.toByteArray());
    SourceGuard guard = new SourceGuard(SourcePolicy.OPEN, new ArchiveLimits(1000, 1 << 20, 200));
    assertThatThrownBy(
            () ->
                preparation(guard)
                    .prepare(new DatasetSpec(archive.toString(), "f0", 8, null), out()))
        .hasMessageContaining("more than 1000 further names");
  }

  @Test
  void shouldTakeBackslashesForSeparatorsWhenASystemMeansThem() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (String name : List.of("a\\1.png", "b\\2.png")) {
        zip.putNextEntry(new ZipEntry(name)); // as of a system whose separator it is
        zip.write(png(name.charAt(2) - '0'));
      }
    }
    Path archive = Files.write(temporary.resolve("windows.zip"), bytes.toByteArray());
    DatasetManifest manifest =
        preparation(SourceGuard.OPEN)
            .prepare(new DatasetSpec(archive.toString(), "", 8, null, 3, true), out())
            .manifest();
    assertThat(manifest.classes())
        .extracting(DatasetManifest.ImageClass::name)
        .containsExactly("a", "b");
  }

  private static byte[] fixture(String name) throws IOException {
    try (InputStream in = LostImagesTest.class.getResourceAsStream("/dataset/" + name)) {
      return in.readAllBytes();
    }
  }

  private Path kept(String name) throws IOException {
    return Files.write(temporary.resolve(name), fixture(name));
  }

  private PreparedDataset prepare(Path source, double maxLostShare) {
    return preparation(SourceGuard.OPEN)
        .prepare(
            new DatasetSpec(source.toString(), "", 8, null, 3, false, null, maxLostShare), out());
  }

  private DatasetPreparation preparation(SourceGuard guard) {
    return new DatasetPreparation(
        temporary.resolve("cache"),
        uri -> {
          throw new IOException("no such object");
        },
        sentence -> {},
        guard);
  }

  private Path out() {
    return temporary.resolve("prepared-" + outputs++);
  }

  private static List<Integer> reds(PreparedDataset prepared) {
    PackedImages images =
        PackedImages.open(
            prepared.manifest(),
            prepared.manifest().shards().stream()
                .map(shard -> prepared.directory().resolve(shard.name()))
                .toList());
    byte[] chw = new byte[192];
    List<Integer> reds = new ArrayList<>();
    for (int i = 0; i < images.count(); i++) {
      images.copy(i, chw, 0);
      reds.add(chw[0] & 0xFF);
    }
    return reds;
  }

  private static void write(Path file, int red) throws IOException {
    Files.createDirectories(file.getParent());
    Files.write(file, png(red));
  }

  private static byte[] png(int red) throws IOException {
    BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 64; i++) {
      image.setRGB(i % 8, i / 8, red << 16);
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageIO.write(image, "png", bytes);
    return bytes.toByteArray();
  }
}
