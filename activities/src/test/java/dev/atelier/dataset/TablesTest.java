package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.opening.OpenerProcess;
import dev.atelier.opening.Opening;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpec.CaptionsSpec;
import dev.atelier.spec.DatasetSpecBuilder;
import dev.atelier.spec.SourcePolicy;
import dev.atelier.workflows.PassedOver;
import dev.atelier.workflows.PassedOver.Reason;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables that pyarrow and the lmdb of Python wrote, see make.py beside them. */
class TablesTest {

  private static final Path TABLES = Path.of("src/test/resources/tables").toAbsolutePath();
  private static final String FIRST = "train-00000-of-00002.parquet";

  @TempDir Path temporary;

  @Test
  void shouldReadRowsAndTextsOfParquet() throws IOException {
    PreparedDataset prepared = prepare(captioned(TABLES.resolve(FIRST), null));
    assertThat(reds(prepared)).containsExactly(10, 11);
    assertThat(captions(prepared)).containsExactly(List.of("ten"), List.of("elf 三 lines"));
    assertThat(prepared.manifest().passedOver())
        .containsExactly(
            new PassedOver(Reason.DAMAGED, 2, List.of(FIRST + "/000000002", FIRST + "/000000003")));
    assertThat(captions(prepare(captioned(TABLES.resolve(FIRST), "names"))))
        .containsExactly(List.of("a", "b"), List.of("c"));
  }

  @Test
  void shouldReadAFolderAndAPatternOfParquet() throws IOException {
    Path folder = Files.createDirectories(temporary.resolve("set/data"));
    for (String name : List.of(FIRST, "train-00001-of-00002.parquet")) {
      Files.copy(TABLES.resolve(name), folder.resolve(name));
    }
    PreparedDataset whole = prepare(captioned(folder.getParent(), null));
    assertThat(reds(whole)).containsExactly(10, 11, 20);
    PreparedDataset pattern = prepare(captioned(folder.resolve("train-*.parquet"), null));
    assertThat(pattern.manifest().sha256()).isEqualTo(whole.manifest().sha256());
    assertThat(pattern.manifest().passedOver())
        .contains(
            new PassedOver(
                Reason.NO_CAPTION, 1, List.of("train-00001-of-00002.parquet/000000001")));
    assertThat(reds(prepare(plain(folder.resolve("train-00001-of-00002.parquet")))))
        .as("images alone")
        .containsExactly(20, 21);
  }

  @Test
  void shouldReadParquetOfAnyNameAndLeaveNothingBeside() throws IOException {
    Path folder = Files.createDirectory(temporary.resolve("a [x] 'y'"));
    Path file = Files.copy(TABLES.resolve(FIRST), folder.resolve("http: {a,b} ''.parquet"));
    assertThat(reds(prepare(plain(file)))).containsExactly(10, 11);
    assertThat(folder).isDirectoryContaining(found -> found.equals(file));
    try (Stream<Path> all = Files.list(folder)) {
      assertThat(all).hasSize(1);
    }
  }

  @Test
  void shouldSayWhatIsWrongWithParquet() throws IOException {
    refused(TABLES.resolve("none.parquet"), "has no column of images", "found a BIGINT, b VARCHAR");
    byte[] whole = Files.readAllBytes(TABLES.resolve(FIRST));
    Path cut = temporary.resolve("cut.parquet");
    Files.write(cut, Arrays.copyOf(whole, whole.length / 2));
    refused(cut, "'cut.parquet' cannot be read as Parquet");
    Files.write(cut, new byte[100]);
    refused(cut, "'cut.parquet' is no Parquet file");
    for (int i = whole.length / 2; i < whole.length - 8; i++) {
      whole[i] ^= 0x55;
    }
    Files.write(cut, whole);
    refused(cut, "'cut.parquet' cannot be read as Parquet");
    assertThatThrownBy(
            () -> prepare(new DatasetSpec(TABLES.resolve(FIRST).toString(), "", 8, null, 3, true)))
        .hasMessageContaining("or with a .cls beside each, found tables");
  }

  @Test
  void shouldReadTheValuesOfLmdbInOrderOfTheirKeysAndWriteNothing() throws IOException {
    Path folder = Files.createDirectory(temporary.resolve("church_lmdb"));
    Path file = Files.copy(TABLES.resolve("church_lmdb/data.mdb"), folder.resolve("data.mdb"));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
    PreparedDataset prepared = prepare(plain(folder));
    assertThat(reds(prepared).subList(0, 3)).containsExactly(31, 32, 33);
    assertThat(prepared.manifest().images()).isEqualTo(4);
    assertThat(prepared.manifest().passedOver()).isEmpty();
    try (Stream<Path> all = Files.list(folder)) {
      assertThat(all).containsExactly(file);
    }
    Path other = temporary.resolve("other");
    Files.createDirectory(other);
    Files.write(other.resolve("data.mdb"), new byte[8192]);
    refused(other, "'data.mdb' is no LMDB");
  }

  @Test
  void shouldOpenTablesInAProcessOfTheirOwn() throws IOException {
    OpenerProcess opener = new OpenerProcess(Duration.ofMinutes(2), 4L << 30, 256L << 20);
    for (Path source : List.of(TABLES.resolve(FIRST), TABLES.resolve("church_lmdb"))) {
      DatasetSpec spec = plain(source);
      Path work = Files.createTempDirectory(temporary, "work-");
      opener.open(
          new Opening.Dataset(source, spec, SourcePolicy.OPEN, ArchiveLimits.DEFAULTS),
          work,
          (PreparationListener) sentence -> {});
      PreparedDataset made = PreparedCheck.read(work.resolve(Opening.MADE), spec, sentence -> {});
      assertThat(made.manifest().images()).isGreaterThan(1);
    }
  }

  @Test
  void shouldSayInASentenceThatATableIsDamagedOrCrashesItsReader() throws IOException {
    byte[] lmdb = Files.readAllBytes(TABLES.resolve("church_lmdb/data.mdb"));
    // Its pages of values are cut off: reading them is a bus error, which ends that process alone.
    openedApart(
        "pages/data.mdb",
        Arrays.copyOf(lmdb, 2 * 4096),
        "Cannot use the dataset source '%s': it crashed the process that opened it");
    openedApart(
        "values/data.mdb",
        Arrays.copyOf(lmdb, 2 * 4096 + 100),
        "Cannot use the dataset source '%s': expected images");
    byte[] parquet = Files.readAllBytes(TABLES.resolve(FIRST));
    Arrays.fill(parquet, 40, parquet.length / 2, (byte) 0x5A);
    openedApart(
        "rows/x.parquet",
        parquet,
        "Cannot read the dataset source '%s': 'x.parquet' cannot be read as Parquet");
  }

  private void openedApart(String name, byte[] content, String sentence) throws IOException {
    Path file = temporary.resolve(name);
    Files.write(Files.createDirectory(file.getParent()).resolve(file.getFileName()), content);
    Path source = file.getParent();
    OpenerProcess opener = new OpenerProcess(Duration.ofMinutes(2), 4L << 30, 256L << 20);
    assertThatThrownBy(
            () ->
                opener.open(
                    new Opening.Dataset(
                        source, plain(source), SourcePolicy.OPEN, ArchiveLimits.DEFAULTS),
                    Files.createTempDirectory(temporary, "work-"),
                    (PreparationListener) said -> {}))
        .isInstanceOf(DatasetException.class)
        .hasMessageStartingWith(sentence.formatted(source))
        .message()
        .doesNotContain("\n");
  }

  @Test
  void shouldReadMoreRowsThanTheHeapHasRoomForTheirNames() throws IOException {
    rowsInSmallHeap(40_000, 64L << 20);
  }

  @Test
  @Tag("slow")
  void shouldReadHalfAMillionRowsInABoundedHeap() throws IOException {
    rowsInSmallHeap(500_000, 96L << 20);
  }

  /** Prepares captioned rows with an opener whose heap cannot list them. */
  private void rowsInSmallHeap(int rows, long heapBytes) throws IOException {
    assertThat(heapBytes / 2 / 1024).as("names that the heap may hold").isLessThan(rows);
    Path file = temporary.resolve("many.parquet");
    String image = HexFormat.of().formatHex(png());
    sql(
        "copy (select {'bytes': from_hex('%s'), 'path': 'x.png'} as image, 'caption ' || i as text from range(%d) t(i)) to '%s' (format parquet)"
            .formatted(image, rows, file));
    DatasetSpec spec = captioned(file, null);
    Path work = Files.createTempDirectory(temporary, "work-");
    long start = System.nanoTime();
    new OpenerProcess(Duration.ofMinutes(2), 4L << 30, 64L << 20, heapBytes, 0)
        .open(
            new Opening.Dataset(file, spec, SourcePolicy.OPEN, ArchiveLimits.DEFAULTS),
            work,
            (PreparationListener) sentence -> {});
    System.out.printf(
        "%d rows in a heap of %d MB: %d s%n",
        rows, heapBytes >> 20, (System.nanoTime() - start) / 1_000_000_000);
    PackedImages images =
        ShapesCaptionsTest.open(
            PreparedCheck.read(work.resolve(Opening.MADE), spec, sentence -> {}));
    assertThat(images.count()).isEqualTo(rows);
    for (int i : new int[] {0, rows / 2, rows - 1}) {
      assertThat(images.captions(i)).containsExactly("caption " + i);
    }
  }

  @Test
  void shouldFetchAndLoadNoExtension() throws IOException {
    try (DuckTable table = DuckTable.open(TABLES.resolve(FIRST))) {
      for (String name : List.of("autoinstall_known_extensions", "autoload_known_extensions")) {
        assertThat(table.setting(name)).as(name).isEqualTo("false");
      }
      assertThat(table.setting("memory_limit")).isEqualTo("976.5 MiB");
      assertThat(table.setting("enable_external_access")).isEqualTo("false");
      assertThat(table.setting("lock_configuration")).isEqualTo("true");
    }
  }

  @Test
  void shouldPassOverOtherFilesBesideTablesAndReadImagesBesideThemToo() throws IOException {
    Path folder = Files.createDirectories(temporary.resolve("set"));
    Files.createDirectories(folder.resolve("data"));
    Files.copy(TABLES.resolve(FIRST), folder.resolve("data/" + FIRST));
    Files.writeString(folder.resolve("README.md"), "a card");
    Files.writeString(folder.resolve(".gitattributes"), "");
    PassedOver damaged =
        new PassedOver(
            Reason.DAMAGED,
            2,
            List.of("data/" + FIRST + "/000000002", "data/" + FIRST + "/000000003"));
    PreparedDataset prepared = prepare(captioned(folder, null));
    assertThat(reds(prepared)).containsExactly(10, 11);
    assertThat(prepared.manifest().passedOver())
        .containsExactly(
            damaged,
            new PassedOver(Reason.HIDDEN, 1, List.of(".gitattributes")),
            new PassedOver(Reason.NO_IMAGE, 1, List.of("README.md")));
    DatasetSpec first = DatasetSpecBuilder.builder(plain(folder)).maxImages(1).build();
    assertThat(reds(prepare(first))).containsExactly(10);
    Files.write(folder.resolve("a.png"), png());
    assertThat(prepare(plain(folder)).manifest().images()).isEqualTo(3);
  }

  @Test
  void shouldSayThatATableHasNoCaptions() throws IOException {
    Path file = temporary.resolve("plain.parquet");
    sql(
        "copy (select from_hex('00') as image, 1 as label) to '%s' (format parquet)"
            .formatted(file));
    assertThatThrownBy(() -> prepare(captioned(file, null)))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("it has no captions beside its images");
  }

  private static byte[] png() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB), "png", out);
    return out.toByteArray();
  }

  private static void sql(String statement) {
    try (Connection database = DriverManager.getConnection("jdbc:duckdb:");
        Statement run = database.createStatement()) {
      run.execute(statement);
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void shouldTellTablesApartWithoutLookingIntoThem() throws IOException {
    Path folder = Files.createDirectory(temporary.resolve("rows"));
    Path file = Files.writeString(folder.resolve("x.parquet"), "no Parquet");
    String content = preparation().find(plain(folder)).content();
    Files.writeString(file, "no other");
    assertThat(preparation().find(plain(folder)).content()).isNotEqualTo(content);
    List<String> sent = new ArrayList<>();
    new Opening.Dataset(folder, plain(folder), SourcePolicy.OPEN, ArchiveLimits.DEFAULTS)
        .forEachFile((name, bytes, in) -> sent.add(name + " " + bytes));
    assertThat(sent).containsExactly("rows/x.parquet 8");
  }

  private void refused(Path source, String... reasons) {
    assertThatThrownBy(() -> prepare(plain(source)))
        .isInstanceOf(DatasetException.class)
        .hasMessageContainingAll(reasons);
  }

  private static DatasetSpec plain(Path source) {
    return spec(source, Optional.empty());
  }

  private static DatasetSpec captioned(Path source, String column) {
    return spec(
        source, Optional.of(new CaptionsSpec(Optional.empty(), Optional.ofNullable(column))));
  }

  private static DatasetSpec spec(Path source, Optional<CaptionsSpec> captions) {
    return new DatasetSpec(source.toString(), "", 8, null, 3, false, null, 0.5, captions);
  }

  private PreparedDataset prepare(DatasetSpec spec) throws IOException {
    return preparation().prepare(spec, Files.createTempDirectory(temporary, "out-"));
  }

  private DatasetPreparation preparation() {
    return new DatasetPreparation(temporary, object -> temporary, sentence -> {});
  }

  private static List<Integer> reds(PreparedDataset prepared) {
    PackedImages images = ShapesCaptionsTest.open(prepared);
    byte[] chw = new byte[3 * 64];
    List<Integer> reds = new ArrayList<>();
    for (int i = 0; i < images.count(); i++) {
      images.copy(i, chw, 0);
      reds.add(chw[0] & 0xFF);
    }
    return reds;
  }

  private static List<List<String>> captions(PreparedDataset prepared) {
    PackedImages images = ShapesCaptionsTest.open(prepared);
    return IntStream.range(0, images.count()).mapToObj(images::captions).toList();
  }
}
