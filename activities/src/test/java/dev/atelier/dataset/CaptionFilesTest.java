package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpec.CaptionsSpec;
import dev.atelier.workflows.PassedOver;
import dev.atelier.workflows.PassedOver.Reason;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CaptionFilesTest {

  @TempDir Path temporary;
  private Path source;

  @BeforeEach
  void folder() throws IOException {
    source = Files.createDirectory(temporary.resolve("images"));
  }

  @Test
  void shouldReadTheLinesOfAnImagefolder() throws IOException {
    images("a.png", "b.png", "sub/ç 三.png", "sub/d.png");
    write(
        "metadata.jsonl",
        """
        {"file_name": "b.png", "text": "  the second\\timage "}
        {"size": {"w": [1, 2]}, "file_name": "a.png", "text": ["first", "the first"]}

        {"file_name": "sub/ç 三.png", "text": "drei \\u4e09"}
        {"file_name": "a.png", "text": "once more"}
        """);
    write("sub/metadata.jsonl", "{\"file_name\": \"d.png\", \"caption\": \"fourth\"}");
    PreparedDataset prepared = prepare(spec(null));
    assertThat(captions(prepared))
        .containsExactly(
            List.of("first", "the first", "once more"),
            List.of("the second image"),
            List.of("fourth"),
            List.of("drei 三"));
    assertThat(prepared.manifest().captionCount()).isEqualTo(6);
    assertThat(prepared.manifest().passedOver()).isEmpty();
  }

  @Test
  void shouldCountWhatHasNoCaptionAndWhatIsOfNoImage() throws IOException {
    images("a.png", "b.png", "c.png", "d.png", "e.png");
    write(
        "metadata.jsonl",
        """
        {"file_name": "a.png", "text": "first"}
        {"file_name": "b.png", "text": " "}
        {"file_name": "gone.png", "text": "of no image"}
        {"file_name": "c.png", "text": 3}
        {"file_name": "d.png", "text": ["fourth", null]}
        {"file_name": "e.png", "text": "cut off
        """);
    PreparedDataset prepared = prepare(spec(0.9));
    assertThat(captions(prepared)).containsExactly(List.of("first"), List.of("fourth"));
    assertThat(prepared.manifest().passedOver())
        .containsExactly(
            new PassedOver(Reason.NO_CAPTION, 2, List.of("c.png", "e.png")),
            new PassedOver(Reason.EMPTY_CAPTION, 1, List.of("b.png")),
            new PassedOver(
                Reason.DAMAGED_CAPTION,
                3,
                List.of("metadata.jsonl:4", "metadata.jsonl:5", "metadata.jsonl:6")),
            new PassedOver(Reason.CAPTION_OF_NO_IMAGE, 1, List.of("metadata.jsonl:3")));
    assertThatThrownBy(() -> prepare(spec(null)))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("3 of its 5 images are lost, expected at most a share of 0.1")
        .hasMessageContaining("without a caption: 2 (c.png, e.png)");
  }

  @Test
  void shouldReadTextBesideImagesOfAnArchiveToo() throws IOException {
    Path zip = temporary.resolve("images.zip");
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(zip))) {
      for (String name : List.of("x/1.png", "x/2.png")) {
        out.putNextEntry(new ZipEntry(name));
        ImageIO.write(image(), "png", out);
      }
      out.putNextEntry(new ZipEntry("x/1.txt"));
      out.write("one\n\n  uno \n".getBytes(StandardCharsets.UTF_8));
      out.putNextEntry(new ZipEntry("x/2.txt"));
      out.write(new byte[] {'z', (byte) 0xE4, 'z'}); // no UTF-8
      out.putNextEntry(new ZipEntry("README.txt"));
    }
    PreparedDataset prepared = prepare(spec(zip, null, null, null, null));
    assertThat(captions(prepared)).containsExactly(List.of("one", "uno"), List.of("z\ufffdz"));
    assertThat(prepared.manifest().passedOver())
        .containsExactly(new PassedOver(Reason.NO_IMAGE, 1, List.of("README.txt")));
  }

  @Test
  void shouldReadTheFieldThatTheSpecNames() throws IOException {
    images("a.png");
    write("a.json", "{\"caption\": \"wrong\", \"alt\": [\"right\"]}");
    assertThat(captions(prepare(spec(source, null, null, "alt", null))))
        .containsExactly(List.of("right"));
    assertThat(captions(prepare(spec(null)))).containsExactly(List.of("wrong"));
  }

  @Test
  void shouldReadTheAnnotationsOfCoco() throws IOException {
    images("train2017/1.png", "train2017/2.png", "val2017/1.png");
    // Annotations may come before images, of which one here is of the other folder.
    write(
        "annotations/captions_train2017.json",
        """
        {"info": {"year": 2017}, "annotations": [
          {"image_id": 9, "id": 1, "caption": "two"},
          {"image_id": 7, "id": 2, "caption": "one"},
          {"image_id": 9, "id": 3, "caption": "deux\\n"},
          {"image_id": 1, "id": 4, "caption": "of no image"},
          {"image_id": 7, "id": 5, "caption": [4]}],
         "licenses": [], "images": [
          {"id": 7, "file_name": "train2017/1.png"}, {"id": 9, "file_name": "2.png"}]}
        """);
    Path beside = source.resolve("annotations/captions_train2017.json");
    PreparedDataset prepared = prepare(spec(source, "train2017", null, null, null));
    assertThat(captions(prepared)).containsExactly(List.of("one"), List.of("two", "deux"));
    assertThat(prepared.manifest().passedOver())
        .containsExactly(
            new PassedOver(
                Reason.DAMAGED_CAPTION,
                1,
                List.of("annotations/captions_train2017.json: image_id 7")),
            new PassedOver(
                Reason.CAPTION_OF_NO_IMAGE,
                1,
                List.of("annotations/captions_train2017.json: image_id 1")));

    Path elsewhere = Files.move(beside, temporary.resolve("named.json"));
    assertThat(captions(prepare(spec(source, "train2017", elsewhere, null, null))))
        .isEqualTo(captions(prepared));
    assertThatThrownBy(() -> prepare(spec(source, "train2017", null, null, null)))
        .hasMessageContaining("it has no captions beside its images: expected metadata.jsonl,");
  }

  @Test
  void shouldSayWhatIsWrongWithAnnotations() throws IOException {
    images("1.png", "2.png");
    String images = "\"images\": [{\"id\": 1, \"file_name\": \"1.png\"}";
    String text = "\"annotations\": [{\"image_id\": 1, \"caption\": \"one\"}]}";
    refused("{" + images + "], " + text.replace("]}", ""), "ends early: its JSON is cut off");
    refused(
        "{" + images + ", {\"id\": 1, \"file_name\": \"2.png\"}], " + text,
        "has the image id 1 twice, the second time for '2.png'");
    refused("{" + images + "], oops", "is no JSON: it is damaged at line 1, column");
    refused("[1, 2]", "has no array 'images'");
    refused("{" + images + "]}", "has no array 'annotations'");
    refused("{\"images\": " + "[".repeat(2000), "nested too deep");
  }

  @Test
  void shouldNotHoldACaptionOfAHundredMegabytes() throws IOException {
    images("1.png", "2.png");
    Path file = source.resolve("captions.json");
    try (OutputStream out = Files.newOutputStream(file)) {
      out.write(
          "{\"annotations\": [{\"image_id\": 1, \"caption\": \"".getBytes(StandardCharsets.UTF_8));
      hundredMegabytes(out);
      out.write(
          "\"}], \"images\": [{\"id\": 1, \"file_name\": \"1.png\"}]}"
              .getBytes(StandardCharsets.UTF_8));
    }
    assertThatThrownBy(() -> prepare(spec(null)))
        .hasMessageContaining("has a text of more than 1048576 bytes");
    Files.delete(file);
    try (OutputStream out = Files.newOutputStream(source.resolve("metadata.jsonl"))) {
      out.write("{\"file_name\": \"1.png\", \"text\": \"".getBytes(StandardCharsets.UTF_8));
      hundredMegabytes(out);
      out.write(
          "\"}\n{\"file_name\": \"2.png\", \"text\": \"two\"}".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(captions(prepare(spec(0.5)))).containsExactly(List.of("two"));
  }

  @Test
  void shouldTellOtherCaptionsOfTheSameImagesApart() throws IOException {
    images("a.png");
    Path text = write("a.txt", "one");
    DatasetPreparation.Source before = preparation().find(spec(null));
    String content = before.content();
    write("a.txt", "two");
    assertThat(preparation().find(spec(null)).content()).isNotEqualTo(content);
    assertThat(before.captionContent()).isPresent();
    Path elsewhere = Files.move(text, temporary.resolve("c.jsonl"));
    DatasetSpec named = spec(source, null, elsewhere, null, null);
    Optional<String> one = preparation().find(named).captionContent();
    Files.writeString(elsewhere, "three");
    assertThat(preparation().find(named).captionContent()).isNotEqualTo(one);
  }

  @Test
  void shouldCountCaptionsThatAreCutAndThoseBeyondWhatAnImageMayHave() throws IOException {
    images("a.png", "b.png");
    String long1 = "x".repeat(4096) + " y";
    String many = "\"c\", ".repeat(66) + "\"last\"";
    write(
        "metadata.jsonl",
        """
        {"file_name": "a.png", "text": ["%s", "short", "  %s  "]}
        {"file_name": "b.png", "text": [%s]}
        {"file_name": "b.png", "text": "one more"}
        """
            .formatted(long1, "z".repeat(4096), many));
    PreparedDataset prepared = prepare(spec(null));
    List<List<String>> captions = captions(prepared);
    assertThat(captions.get(0)).containsExactly("x".repeat(4096), "short", "z".repeat(4096));
    assertThat(captions.get(1)).hasSize(64).containsOnly("c");
    assertThat(prepared.manifest().passedOver())
        .containsExactly(
            new PassedOver(Reason.CAPTION_CUT, 1, List.of("metadata.jsonl:1")),
            new PassedOver(
                Reason.CAPTION_TOO_MANY, 4, List.of("metadata.jsonl:2", "metadata.jsonl:3")));
  }

  @Test
  void shouldReadATableElsewhereOfFileNamesAndCaptions() throws IOException {
    images("a.png", "sub/b.png", "c.png", "d.png");
    Path csv = temporary.resolve("captions, all.csv");
    Files.writeString(
        csv,
        """
        id,file_name,text,alt
        1,a.png,"first, with ""quotes\""",x
        2,b.png,zweites 三,y
        3,c.png,,z
        4,a.png,"two
        lines",x
        5,gone.png,of no image,x
        6,,of no name,x
        """);
    PreparedDataset prepared = prepare(spec(source, null, csv, null, 0.9));
    assertThat(captions(prepared))
        .containsExactly(List.of("first, with \"quotes\"", "two lines"), List.of("zweites 三"));
    assertThat(prepared.manifest().passedOver())
        .containsExactly(
            new PassedOver(Reason.NO_CAPTION, 1, List.of("d.png")),
            new PassedOver(Reason.EMPTY_CAPTION, 1, List.of("c.png")),
            new PassedOver(Reason.DAMAGED_CAPTION, 1, List.of("captions, all.csv: row 6")),
            new PassedOver(Reason.CAPTION_OF_NO_IMAGE, 1, List.of("captions, all.csv: row 5")));
    assertThat(captions(prepare(spec(source, null, csv, "alt", 0.9))).get(1)).containsExactly("z");

    Path parquet = temporary.resolve("captions.parquet");
    try (Connection database = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = database.createStatement()) {
      statement.execute(
          "copy (select * from (values ('a.png', ['one', null, 'uno']), ('d.png', ['four'])) t(filename, captions)) to '%s'"
              .formatted(parquet));
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
    assertThat(captions(prepare(spec(source, null, parquet, null, 0.9))))
        .containsExactly(List.of("one", "uno"), List.of("four"));
  }

  @Test
  void shouldNameWhatATableOfCaptionsLacksAndWhatOtherFilesAreTaken() throws IOException {
    images("a.png");
    Path csv = Files.writeString(temporary.resolve("c.csv"), "name,text\na.png,first\n");
    assertThatThrownBy(() -> prepare(spec(source, null, csv, null, null)))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("'c.csv' has no columns of file names and captions")
        .hasMessageContaining("expected one of file_name, filename, path and one of text, caption")
        .hasMessageContaining("found name VARCHAR, text VARCHAR");
    Path parquet = Files.writeString(temporary.resolve("c.parquet"), "no Parquet");
    assertThatThrownBy(() -> prepare(spec(source, null, parquet, null, null)))
        .hasMessageContaining("'c.parquet' is no Parquet file");
    Path other = Files.writeString(temporary.resolve("c.xlsx"), "");
    assertThatThrownBy(() -> prepare(spec(source, null, other, null, null)))
        .hasMessageContaining("'c.xlsx' has no captions that are read: expected a .jsonl of lines")
        .hasMessageContaining("a .parquet or .csv with columns of file names and captions");
  }

  private void refused(String json, String reason) throws IOException {
    write("captions.json", json);
    assertThatThrownBy(() -> prepare(spec(null)))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("'captions.json'")
        .hasMessageContaining(reason);
  }

  private static void hundredMegabytes(OutputStream out) throws IOException {
    byte[] megabyte = new byte[1 << 20];
    Arrays.fill(megabyte, (byte) 'a');
    for (int i = 0; i < 100; i++) {
      out.write(megabyte);
    }
  }

  private DatasetSpec spec(Double maxLostShare) {
    return spec(source, null, null, null, maxLostShare);
  }

  private static DatasetSpec spec(
      Path source, String subdirectory, Path captions, String column, Double maxLostShare) {
    CaptionsSpec asked =
        new CaptionsSpec(
            Optional.ofNullable(captions).map(Path::toString), Optional.ofNullable(column));
    return new DatasetSpec(
        source.toString(), subdirectory, 8, null, 3, false, null, maxLostShare, Optional.of(asked));
  }

  private PreparedDataset prepare(DatasetSpec spec) throws IOException {
    PreparedDataset prepared =
        preparation().prepare(spec, Files.createTempDirectory(temporary, "out-"));
    // What an opener makes of it is taken.
    return PreparedCheck.read(prepared.directory(), spec, sentence -> {});
  }

  private DatasetPreparation preparation() {
    return new DatasetPreparation(
        temporary.resolve("cache"),
        object -> {
          throw new IOException("no such object");
        },
        sentence -> {});
  }

  private static List<List<String>> captions(PreparedDataset prepared) {
    PackedImages images = ShapesCaptionsTest.open(prepared);
    return IntStream.range(0, images.count()).mapToObj(images::captions).toList();
  }

  private void images(String... names) throws IOException {
    for (String name : names) {
      Path file = source.resolve(name);
      Files.createDirectories(file.getParent());
      ImageIO.write(image(), "png", file.toFile());
    }
  }

  private static BufferedImage image() {
    return new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
  }

  private Path write(String name, String text) throws IOException {
    Path file = source.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }
}
