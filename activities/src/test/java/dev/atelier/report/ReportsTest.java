package dev.atelier.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.evaluation.Evaluation;
import dev.atelier.examples.ExampleSpecs;
import dev.atelier.report.ExperimentReport.Event;
import dev.atelier.report.ExperimentReport.LossPoint;
import dev.atelier.report.StudyReport.Curve;
import dev.atelier.report.StudyReport.Member;
import dev.atelier.report.StudyReport.Model;
import dev.atelier.spec.DatasetSpecBuilder;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpecBuilder;
import dev.atelier.spec.NormGroups;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.scorecard.ScorecardRow;
import dev.atelier.workflows.scorecard.SeedFigures;
import dev.atelier.workflows.vocabulary.Verdict;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.NodeList;

class ReportsTest {

  /** A drift that was measured for every experiment, and no sample grids. */
  private static final StudyFiles FILES =
      new StudyFiles() {
        @Override
        public Optional<byte[]> grid(String experimentId, String subject) {
          return Optional.empty();
        }

        @Override
        public Optional<byte[]> drift(String experimentId) {
          return Optional.of(DRIFT.getBytes(StandardCharsets.UTF_8));
        }
      };

  private static final String DRIFT =
      """
      {"timesteps": 1000, "signal": "cka", "lengths": [0.5, 0.25, 0.125],
       "curve": {"bins": [{"low": 0, "high": 250}, {"low": 250, "high": 500},
         {"low": 500, "high": 750}, {"low": 750, "high": 1000}]},
       "ranges": [{"low": 0, "high": 250}, {"low": 250, "high": 1000}]}
      """;

  private static final List<ScorecardRow> CLAIMS =
      List.of(
          new ScorecardRow(
              "1.8 times as fast",
              Optional.of(1.8),
              "MACs per step: teacher / o2mkd",
              Optional.of(new SeedFigures(3, 1.79, 0)),
              Verdict.HOLDS,
              "at least 1.75",
              Optional.of(
                  new ScorecardRow.Size(
                      Optional.of(300), 200, 16, 256, Optional.of("random-conv")))),
          new ScorecardRow(
              "better on COCO",
              Optional.empty(),
              "FID: o2mkd − one-to-one",
              Optional.empty(),
              Verdict.NOT_MEASURED,
              "at most 0",
              Optional.empty()));

  private static final ExperimentSpec SPEC = ExperimentSpecBuilder.builder().build();

  private static final String HOSTILE = "<script>alert('x')</script> & \"co\" | `a`";

  @Test
  void shouldShowASubjectOnceThatIsTheSameAtEveryPoint() {
    String report = text(StudyReports.render(study("{\"seed\":0}"), FILES), "report.md");
    assertThat(report)
        .contains("| teacher | any | 9.10 ± 0.10 |")
        .doesNotContain("| teacher | 2 |");
  }

  @Test
  void shouldTellEveryFigureByTheNameThatPeopleKnow() {
    String report = text(StudyReports.render(study("{\"seed\":0}"), FILES), "report.md");
    assertThat(report)
        .contains(
            "| subject | students.count | kernel distance | CLIP score | CMMD |",
            "| teacher | any | 0.0910 ± 0.0010 | 31.00 | – |",
            "| o2mkd | 2 | 0.120 ± 0.020 | – | 0.5000 |");
    assertThat(text(experiment(), "report.html"))
        .contains("<th scope=\"col\">CLIP score</th>", "<th scope=\"col\">CMMD</th>");
  }

  @Test
  void shouldSetEachClaimBesideItsFigure() {
    Report report = StudyReports.render(study("{\"seed\":0}"), FILES);
    assertThat(text(report, "report.md"))
        .contains(
            "| 1.8 times as fast | 1.8 | 1.790 | 3 | holds | at least 1.75 | MACs per step: teacher / o2mkd | teacher 300 steps, students 200 steps of 16 images, 256 samples, random-conv |",
            "| better on COCO | not known to us | – | – | not measured | at most 0 | FID: o2mkd − one-to-one | – |");
    assertThat(text(report, "report.html")).contains("<td>not known to us</td>");
    assertThat(text(report, "study.json"))
        .contains("\"verdict\" : \"holds\"", "\"verdict\" : \"not-measured\"");
  }

  @Test
  void shouldHaveNoScorecardWhereNothingIsClaimed() {
    StudyReport study = study("{}");
    StudyReport without =
        new StudyReport(
            study.id(),
            study.name(),
            study.question(),
            study.document(),
            study.axes(),
            study.members(),
            List.of());
    assertThat(text(StudyReports.render(without, FILES), "report.md")).doesNotContain("Scorecard");
  }

  @Test
  void shouldTellSpreadTailsAndOutliersOfEachLoss() {
    assertThat(text(StudyReports.render(study("{\"seed\":0}"), FILES), "report.md"))
        .contains(
            "| 2 | loss | 0.1000 | 0.4000 | 3.000 | 5.000 | 0.2500 |",
            "| 4 | loss | 0.1000 | 0.8000 | 3.000 | 5.000 | 0.2500 |");
  }

  @Test
  void shouldDrawTheLossOfATenthOnlyForTheModelsThatOwnIt() {
    String plot =
        text(StudyReports.render(study("{\"seed\":0}"), FILES), "report-loss-timesteps.svg");
    // Student 1 owns [0, 500): its rare samples of t = 750 tell nothing of the ensemble.
    assertThat(plot).contains("250, 0.04").doesNotContain("750, 0.01");
  }

  @Test
  void shouldDrawTheDriftWithItsCuts() {
    Report report = StudyReports.render(study("{\"seed\":0}"), FILES);
    String drift =
        report.files().stream()
            .map(Report.File::name)
            .filter(name -> name.startsWith("report-drift-"))
            .findFirst()
            .orElseThrow();
    assertThat(text(report, drift))
        .contains("arccos(CKA) of features (rad)", "cut at t = 250", "timestep t")
        .doesNotContain("cut at t = 0");
  }

  @Test
  void shouldShowMeanDeviationAndAccelerationInBothForms() {
    Report report = StudyReports.render(study("{\"seed\":0}"), FILES);
    // Distances 10, 12, 14 of N = 2: mean 12, sample standard deviation 2; 200e6 / 80e6 MACs = 2.5.
    assertThat(text(report, "report.md"))
        .contains("| o2mkd | 2 | 12.0 ± 2.0 | 3 | 80.0 M | 2.50× |");
    assertThat(text(report, "report.html")).contains("<td>12.0 ± 2.0</td>", "<td>2.50×</td>");
  }

  @Test
  void shouldDrawAxisLabelsAndSeriesNames() throws Exception {
    Report report = StudyReports.render(study("{\"seed\":0}"), FILES);
    assertThat(text(report, "report-over-students-count.svg"))
        .contains(">students.count</text>", ">FID-like</text>", ">o2mkd</text>", ">teacher</text>");
    for (Report.File file : report.files()) {
      if (file.name().endsWith(".svg")) {
        parse(file.content());
      }
    }
  }

  @Test
  void shouldBeOneWellFormedPageThatAsksNoOtherHost() throws Exception {
    for (Report report : List.of(StudyReports.render(study("{}"), FILES), experiment())) {
      String html = text(report, "report.html");
      parse(html.replaceFirst("<!DOCTYPE html>", "").getBytes(StandardCharsets.UTF_8));
      assertThat(html).doesNotContain("http://", "https://", "src=\"/", "url(", "@import", "<link");
    }
  }

  @Test
  void shouldKeepNamesAndFailuresAsText() {
    for (Report report : List.of(StudyReports.render(study("{}"), FILES), experiment())) {
      assertThat(text(report, "report.html")).doesNotContain("<script").contains("&lt;script&gt;");
      assertThat(text(report, "report.md")).doesNotContain("<script").contains("\\|");
    }
  }

  @Test
  void shouldWarnOfFailuresAndOfDifferentProtocols() {
    String same = text(StudyReports.render(study("{\"seed\":0}"), FILES), "report.md");
    assertThat(same).contains("1 of 7 experiments have no result", "m-failed");
    assertThat(same).doesNotContain("different protocols");
    String mixed = text(StudyReports.render(study("{\"seed\":1}"), FILES), "report.md");
    assertThat(mixed).contains("2 different protocols").doesNotContain("clear of the noise");
  }

  @Test
  void shouldClaimNothingWithFewerThanThreeSeeds() {
    Spread one = Spread.of(List.of(1.0));
    Spread far = Spread.of(List.of(9.0, 9.1, 9.2));
    assertThat(Spread.verdict("a", one, "b", far)).contains("8.1 lower", "cannot tell");
    Spread near = Spread.of(List.of(9.05, 9.1, 9.3));
    assertThat(Spread.verdict("a", far, "b", near)).contains("within the noise");
    Spread low = Spread.of(List.of(1.0, 1.1, 1.2));
    assertThat(Spread.verdict("a", far, "b", low)).startsWith("b is 8 lower than a, clear of");
  }

  @Test
  void shouldSmoothACurveWithoutBiasAtItsStart() {
    List<LossPoint> raw = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      raw.add(new LossPoint(i, 3));
    }
    assertThat(ExperimentReports.smoothed(raw))
        .allSatisfy(p -> assertThat(p.y()).isCloseTo(3, within(1e-12)));
  }

  @Test
  void shouldPutGridsBesideEachOther() throws IOException {
    byte[] all = SampleGrids.sideBySide(List.of(png(0xFFFF0000), png(0xFF0000FF)));
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(all));
    assertThat(image.getWidth()).isEqualTo(8 + 16 + 8);
    assertThat(image.getRGB(3, 3)).isEqualTo(0xFFFF0000);
    assertThat(image.getRGB(12, 3) >>> 24).isZero();
    assertThat(image.getRGB(28, 3)).isEqualTo(0xFF0000FF);
    assertThatThrownBy(() -> SampleGrids.sideBySide(List.of(new byte[] {1, 2, 3})))
        .hasMessageContaining("cannot be read as an image");
  }

  /** For looking at: {@code -Dreport.to=DIR} keeps the files. */
  private static Report kept(String folder, Report report) {
    String to = System.getProperty("report.to", "");
    if (!to.isEmpty()) {
      try {
        Path directory = Files.createDirectories(Path.of(to, folder));
        for (Report.File file : report.files()) {
          Files.write(directory.resolve(file.name()), file.content());
        }
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
    return report;
  }

  @Test
  void shouldShowTheModelsOfAnExperiment() {
    kept("study", StudyReports.render(study("{\"seed\":0}"), FILES));
    Report report = kept("experiment", experiment());
    assertThat(text(report, "report-ranges.svg")).contains("student-1 [0, 500)", "timestep t");
    assertThat(text(report, "report-loss.svg"))
        .contains(">training step</text>", ">teacher</text>", ">student-1</text>");
    assertThat(text(report, "report.html")).contains("data:image/png;base64,", "retry");
  }

  @Test
  void shouldShowTheWholeSpecAsADocumentThatIsTheSameSpecAgain() throws Exception {
    for (Path file : ExampleSpecs.files()) {
      for (ExperimentSpec spec : ExampleSpecs.experiments(file)) {
        assertThat(specsOf(experiment(spec))).as("%s", file).containsExactly(spec, spec);
      }
    }
  }

  @Test
  void shouldShowAStudyAsItWasWritten() {
    assertThat(text(StudyReports.render(study("{}"), FILES), "report.md"))
        .contains("```yaml\nname: \"is more better\"\n```");
  }

  @Test
  void shouldShowWhatUsersWroteInASpecWithoutBreakingThePage() throws Exception {
    String odd = HOSTILE + "\n```\n# not a heading\t\u0000\u2028 ünï 1e3: [no";
    ExperimentSpec spec =
        ExperimentSpecBuilder.builder()
            .name(odd)
            .labels(Map.of("12:30", "0x1F", "a: b", "~", "yes", "1_000", "# c", ""))
            .build();
    ExperimentSpec shown = NormGroups.asWritten(spec); // which says what it left out
    Report report = experiment(spec);
    assertThat(specsOf(report)).containsExactly(shown, shown);
    assertThat(specsOf(experiment(shown))).containsExactly(shown, shown);
    parse(
        text(report, "report.html")
            .replace("<!DOCTYPE html>", "")
            .getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void shouldLeaveOutTheSecretOfASpecOfAnEarlierVersionAndSayWhere() throws Exception {
    ExperimentSpec spec =
        ExperimentSpecBuilder.builder()
            .name("see https://user:hunter2@example.org/")
            .dataset(
                DatasetSpecBuilder.builder()
                    .source("https://example.org/a.zip?sig=hunter2")
                    .build())
            .build();
    Report report = experiment(spec);
    for (String page : List.of(text(report, "report.html"), text(report, "report.md"))) {
      assertThat(page)
          .doesNotContain("hunter2")
          .contains("left out here: name, dataset.source", SpecYaml.HIDDEN);
    }
  }

  /** The specs that both pages show. */
  private static List<ExperimentSpec> specsOf(Report report) throws Exception {
    YAMLMapper yaml = YAMLMapper.builder().addModule(new Jdk8Module()).build();
    String page = text(report, "report.html").replace("<!DOCTYPE html>", "");
    NodeList shown =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new ByteArrayInputStream(page.getBytes(StandardCharsets.UTF_8)))
            .getElementsByTagName("code");
    assertThat(shown.getLength()).isEqualTo(1);
    Matcher fenced =
        Pattern.compile("(?ms)^(`{3,})yaml\\n(.*?)^\\1$").matcher(text(report, "report.md"));
    assertThat(fenced.find()).isTrue();
    return List.of(
        yaml.readValue(shown.item(0).getTextContent(), ExperimentSpec.class),
        yaml.readValue(fenced.group(2), ExperimentSpec.class));
  }

  private static StudyReport study(String lastProtocol) {
    List<Member> members = new ArrayList<>();
    for (int n : new int[] {2, 4}) {
      for (int seed = 0; seed < 3; seed++) {
        String protocol = n == 4 && seed == 2 ? lastProtocol : "{\"seed\":0}";
        members.add(
            new Member(
                "m-" + n + "-" + seed,
                List.of(String.valueOf(n)),
                seed,
                Stage.DONE,
                Optional.empty(),
                List.of(
                    evaluation("o2mkd", 10 + 2 * seed - (n - 2), 80e6, protocol),
                    evaluation("one-to-one", 20 + seed, 80e6, protocol),
                    evaluation("teacher", 9 + 0.1 * seed, 200e6, protocol)),
                List.of(
                    new Model(
                        ModelKey.TEACHER,
                        0,
                        1000,
                        ModelState.DONE,
                        1,
                        Optional.of("elsewhere"),
                        0,
                        Map.of()),
                    new Model(
                        ModelKey.student(1),
                        0,
                        500,
                        ModelState.DONE,
                        1,
                        Optional.empty(),
                        75,
                        Map.of(
                            "loss", new Curve(100, 0.1, 0.02 * n, 0.3, 0.5),
                            "loss_outliers", new Curve(100, 0.25, 0, 1, 1),
                            "diffusion_loss_tenth_2", new Curve(100, 0.04, 0, 0, 0),
                            "diffusion_loss_tenth_7", new Curve(100, 0.01, 0, 0, 0))))));
      }
    }
    members.add(
        new Member(
            "m-failed",
            List.of("4"),
            9,
            Stage.FAILED,
            Optional.of("Diverged " + HOSTILE),
            List.of(),
            List.of()));
    return new StudyReport(
        "s",
        HOSTILE,
        "Is more better?",
        JsonNodeFactory.instance.objectNode().put("name", "is more better"),
        List.of("students.count"),
        members,
        CLAIMS);
  }

  private static Evaluation evaluation(String subject, double distance, double macs, String how) {
    return new Evaluation(
        subject,
        "FID-like",
        distance,
        Optional.of(macs),
        9_000_000,
        12.5,
        1L << 30,
        how,
        subject.equals("teacher")
            ? Map.of(
                "frechetDistance", distance, "kernelDistance", distance / 100, "clipScore", 31.0)
            : Map.of("kernelDistance", distance / 100, "clipDistance", 0.5),
        Optional.empty());
  }

  private static Report experiment() {
    return experiment(SPEC);
  }

  private static Report experiment(ExperimentSpec spec) {
    List<LossPoint> loss = new ArrayList<>();
    for (int i = 1; i <= 100; i++) {
      loss.add(new LossPoint(i * 10, 0.02 + 1.0 / i + 0.01 * Math.sin(i * 12.9898)));
    }
    List<ExperimentReport.Model> models = new ArrayList<>();
    models.add(model("teacher", 0, 1000, loss));
    models.add(model("student-1", 0, 500, loss.subList(0, 60)));
    models.add(model("student-2", 500, 1000, loss.subList(0, 10)));
    return ExperimentReports.render(
        new ExperimentReport(
            "e1",
            HOSTILE,
            SpecYaml.of(spec),
            Map.of("images", HOSTILE),
            1000,
            models,
            List.of(evaluation("o2mkd", 12, 80e6, "{}"), evaluation("teacher", 9, 200e6, "{}")),
            List.of(new SampleGrid("teacher", png(0xFF00FF00)), new SampleGrid("o2mkd", png(1))),
            List.of(new Event("2026-01-01 10:00:00", "retry", "student-1", HOSTILE))));
  }

  private static ExperimentReport.Model model(String key, int low, int high, List<LossPoint> loss) {
    return new ExperimentReport.Model(
        key, low, high, "DONE", 1000, 9_000_000, 1, Optional.of(61.0), loss);
  }

  private static byte[] png(int argb) {
    BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_ARGB);
    for (int i = 0; i < 64; i++) {
      image.setRGB(i % 8, i / 8, argb);
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      ImageIO.write(image, "png", bytes);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return bytes.toByteArray();
  }

  private static String text(Report report, String name) {
    return report.files().stream()
        .filter(f -> f.name().equals(name))
        .map(f -> new String(f.content(), StandardCharsets.UTF_8))
        .findFirst()
        .orElseThrow();
  }

  private static void parse(byte[] xml) throws Exception {
    DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new ByteArrayInputStream(xml));
  }
}
