package dev.atelier.api.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.spec.RefusedDocumentException.Reason;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.SpecFault;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.TrainingOverridesBuilder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SpecReaderTest {

  private static final SpecReader READER = new SpecReader();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "demo.yaml",
        "cifar10-16.yaml",
        "cifar10-paper.yaml",
        "merge.yaml",
        "text-to-image.yaml"
      })
  void shouldFindNoFaultInTheExamples(String file) throws IOException {
    byte[] text = Files.readAllBytes(Path.of("..", "examples", file));
    assertThat(READER.spec(text, DocumentFormat.YAML).name()).isNotBlank();
  }

  @Test
  void shouldReadTheSameSpecFromYamlAndJson() {
    ExperimentSpec yaml =
        yaml(
            """
            name: a
            labels: {team: vision}
            diffusion: {schedule: cosine}
            students:
              count: 2
              training: {learningRate: 1e-3, steps: 1_000, emaDecay: 0.99}
              assignment:
                kind: explicit
                boundaries: [0, 300, 1000]
              overrides:
                - student: 2
                  training: {learningRate: 5E-4}
            """);
    ExperimentSpec json =
        json(
            """
            {"name": "a", "labels": {"team": "vision"}, "diffusion": {"schedule": "cosine"},
             "students": {"count": 2,
               "training": {"learningRate": 0.001, "steps": 1000, "emaDecay": 0.99},
               "assignment": {"kind": "explicit", "boundaries": [0, 300, 1000]},
               "overrides": [{"student": 2, "training": {"learningRate": 0.0005}}]}}
            """);
    assertThat(yaml).isEqualTo(json);
    assertThat(SpecJson.sha256(yaml)).isEqualTo(SpecJson.sha256(json));
    assertThat(yaml.students().training().learningRate()).isEqualTo(0.001);
    assertThat(yaml.students().overridesOf(2).learningRate()).contains(0.0005);
  }

  @Test
  void shouldRefuseASpecThatDoesNotFitIntoAPayload() {
    StringBuilder students = new StringBuilder("labels: {");
    for (int i = 0; i < 32; i++) {
      students.append("label-%d: %s, ".formatted(i, "€".repeat(255)));
    }
    students.append("}\nstudents: {count: 500, overrides: [");
    for (int k = 1; k <= 500; k++) {
      students
          .append("{student: %d, network: {channels: 64, multipliers: [".formatted(k))
          .append("1, 1, 1, 1], attentionResolutions: [16, 8, 4], ")
          .append("dropout: 0.12345678901234567}, ")
          .append("training: {steps: 100000, learningRate: 0.00012345678901, ")
          .append(
              "warmupSteps: 12345, batchSize: 1024, accumulationSteps: 1024, clipNorm: 1.2345678901234567, divergenceLoss: 1234.5678901234567}}, ");
    }
    assertThat(faultsOf(students.append("]}").toString()))
        .extracting(SpecFault::message)
        .anyMatch(m -> m.startsWith("The spec must have at most 200000 bytes as JSON"));
  }

  @Test
  void shouldKeepASpecThroughItsJson() {
    for (String students :
        List.of(
            "{overrides: [{student: 1, training: {steps: 7}}]}",
            "{antithetic: true, loss: {feature: {kind: hint, at: [mid, up.0]}}}",
            "{loss: {feature: {kind: none}}}")) {
      ExperimentSpec spec = yaml("students: " + students);
      assertThat(SpecJson.read(SpecJson.write(spec), ExperimentSpec.class)).isEqualTo(spec);
    }
  }

  @Test
  void shouldTakeNullForFieldsOfCaptionsThatWereLeftOut() throws IOException {
    String text = Files.readString(Path.of("..", "examples", "text-to-image.yaml"));
    String said = text.replace("captions: {}", "captions: {source: null, column: null}");
    assertThat(said).isNotEqualTo(text);
    assertThat(yaml(said)).isEqualTo(yaml(text));
  }

  @Test
  void shouldTakeNullForAFieldThatWasLeftOut() throws IOException {
    JsonNode schema = SpecSchema.of(ExperimentSpec.class);
    List<String> paths = optionalPaths(schema, schema, "");
    assertThat(paths).contains("/students/training/steps", "/evaluation", "/labels");
    for (String path : paths) {
      if (path.startsWith("/dataset/captions/")) {
        continue; // captions alone are refused: networks must read them
      }
      List<String> names = List.of(path.substring(1).split("/", -1));
      String last = "{\"%s\": null}".formatted(names.get(names.size() - 1));
      List<String> above = names.subList(0, names.size() - 1);
      assertThat(json(nested(above, last))).as(path).isEqualTo(json(nested(above, "{}")));
    }
  }

  private static String nested(List<String> names, String fields) {
    return names.isEmpty()
        ? fields
        : "{\"%s\": %s}".formatted(names.get(0), nested(names.subList(1, names.size()), fields));
  }

  /**
   * Pointers to the fields that may be left out, of records within records too, but for records
   * that need some of theirs.
   */
  private static List<String> optionalPaths(JsonNode described, JsonNode root, String path) {
    JsonNode schema =
        described.has("$ref") ? root.at(described.get("$ref").asText().substring(1)) : described;
    List<String> paths = new ArrayList<>();
    if (!schema.path("required").isEmpty()) {
      return paths;
    }
    for (Map.Entry<String, JsonNode> field : schema.path("properties").properties()) {
      paths.add(path + "/" + field.getKey());
      paths.addAll(optionalPaths(field.getValue(), root, path + "/" + field.getKey()));
    }
    return paths;
  }

  @Test
  void shouldGiveAFeatureLossTheWeightOfItsKind() {
    StudentsSpec students =
        yaml("students: {antithetic: true, loss: {feature: {kind: relational-sample}}}").students();
    assertThat(students.antithetic()).isTrue();
    assertThat(students.loss().distillation()).isEqualTo(1.0);
    assertThat(students.loss().feature())
        .isEqualTo(
            new FeatureLossSpec(FeatureLossSpec.Kind.RELATIONAL_SAMPLE, 1.0, List.of("mid")));
    assertThat(yaml("name: x").students().loss().feature()).isEqualTo(FeatureLossSpec.NONE);
  }

  @Test
  void shouldWriteTheGroupsThatASpecLeavesOut() {
    ExperimentSpec spec = yaml("students: {network: {channels: 24, multipliers: [1, 2]}}");
    assertThat(spec.teacher().network().groups()).contains(32);
    assertThat(spec.students().network().groups()).contains(6);
    assertThat(json(SpecJson.write(spec))).isEqualTo(spec);
    assertThat(yaml("students: {network: {groupsByWidth: true}}").students().network().groups())
        .isEmpty();
    assertThat(faultsOf("students: {network: {groups: 8, groupsByWidth: true}}"))
        .containsExactly(
            new SpecFault(
                "students.network.groupsByWidth", "stands in place of groups, found groups 8."));
  }

  /** Of students whose teacher says them, before the rules compare both. */
  @Test
  void shouldGiveStudentsOfTheTeachersBlocksItsGroups() {
    assertThat(
            yaml("{teacher: {network: {channels: 32, groups: 4}}, students: {startFrom: teacher-blocks, network: {channels: 32, resBlocks: 1}}}")
                .students()
                .network()
                .groups())
        .contains(4);
  }

  @Test
  void shouldReadAFieldByItsFormerName() {
    assertThat(yaml("students: {loss: {prediction: 0.5}}"))
        .isEqualTo(yaml("students: {loss: {distillation: 0.5}}"));
    assertThat(SpecJson.write(yaml("students: {loss: {prediction: 0.5}}")))
        .contains("\"distillation\":0.5", "\"prediction\":0.5");
    byte[] study = "base: {students: {loss: {prediction: 0.5}}}".getBytes(StandardCharsets.UTF_8);
    assertThat(READER.study(study, DocumentFormat.YAML).base().at("/students/loss/distillation"))
        .hasToString("0.5");
    byte[] replacement = "loss: {prediction: 0.5}".getBytes(StandardCharsets.UTF_8);
    assertThat(READER.replacement(replacement, DocumentFormat.YAML).loss().orElseThrow())
        .isEqualTo(new LossSpec(1.0, 0.5));
  }

  @Test
  void shouldTakeBothNamesOfAFieldOnlyAsAnAnswerHasThem() {
    ExperimentSpec answered = yaml("students: {loss: {distillation: 1}}");
    assertThat(json(SpecJson.write(answered))).isEqualTo(answered);
    assertThat(faultsOf("students: {loss: {distillation: 1, prediction: 0.5}}"))
        .containsExactly(
            new SpecFault(
                "students.loss.prediction",
                "is the former name of students.loss.distillation: expected one of them, found 0.5 and 1."));
  }

  @Test
  void shouldReadATransformerWithItsBounds() {
    assertThat(
            yaml("teacher: {network: {transformer: {layers: 4, heads: 2}}}")
                .teacher()
                .network()
                .transformer())
        .contains(new TransformerSpec(2, 4, 2, 64, 1e-5, false));
    assertThat(faultsOf("students: {network: {transformer: {layers: 0, width: 64}}}"))
        .extracting(SpecFault::field)
        .containsExactlyInAnyOrder(
            "students.network.transformer.layers", "students.network.transformer.width");
    assertThat(faultsOf("students: {network: {channels: 64, transformer: {}}}"))
        .extracting(SpecFault::field)
        .containsExactly("students.network.transformer");
  }

  @Test
  void shouldNameTheFeaturePlaceThatCannotBeOne() {
    assertThat(faultsOf("students: {loss: {feature: {kind: hint, at: [mid, down.0]}}}"))
        .extracting(SpecFault::field)
        .containsExactly("students.loss.feature.at[1]");
  }

  @Test
  void shouldTakeAFieldWithoutAValueAsLeftOut() {
    assertThat(yaml("name: x\nlabels:\nteacher:\n  network:\n    groups:\n    channels:\n"))
        .isEqualTo(yaml("name: x"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "nmae: x | nmae | is not a known field: did you mean 'name'?",
        "learning_rate: 1 | learning_rate | is not a known field: expected one of name, seed,",
        "`teacher: {training: {learning_rate: 1}}` | teacher.training.learning_rate"
            + " | did you mean 'learningRate'?",
        "`teacher: {network: {width:  }}` | teacher.network.width | is not a known field",
        "students: 3 | students | must be a set of fields, found 3.",
        "`students: {count: two}` | students.count | must be a whole number, found 'two'.",
        "`students: {count: 2.5}` | students.count | must be a whole number, found 2.5.",
        "`students: {count: true}` | students.count | must be a whole number, found true.",
        "`students: {count: 0}` | students.count | must be at least 1, found 0.",
        "`students: {count: 501}` | students.count | must be at most 500, found 501.",
        "`students: {oneToOneBaseline: maybe}` | students.oneToOneBaseline"
            + " | must be true or false, found 'maybe'.",
        "`students: {specificProbability: 1.01}` | students.specificProbability"
            + " | must be at most 1, found 1.01.",
        "`students: {specificProbability: -0.5}` | students.specificProbability"
            + " | must be at least 0, found -0.5.",
        "`students: {network: {multipliers: [1, 2, x]}}` | students.network.multipliers[2]"
            + " | must be a whole number, found 'x'.",
        "`students: {network: {multipliers: [1, 2, 17]}}` | students.network.multipliers[2]"
            + " | must be at most 16, found 17.",
        "`students: {network: {multipliers: []}}` | students.network.multipliers"
            + " | must have at least 1 entries, found 0.",
        "`students: {network: {multipliers: [1, ~]}}` | students.network.multipliers[1]"
            + " | must be a whole number, found nothing.",
        "`students: {network: {dropout: 1}}` | students.network.dropout"
            + " | must be less than 1, found 1.",
        "`students: {network: {groups: 0}}` | students.network.groups"
            + " | must be at least 1, found 0.",
        "`students: {overrides: [{training: {steps: 5}}]}` | students.overrides[0].student"
            + " | is required.",
        "`students: {overrides: [{student: 1, training: {steps: 0}}]}`"
            + " | students.overrides[0].training.steps | must be at least 1, found 0.",
        "`students: {overrides: [3]}` | students.overrides[0] | must be a set of fields, found 3.",
        "`diffusion: {schedule: lineer}` | diffusion.schedule"
            + " | must be one of linear, cosine, scaled-linear, flow, found 'lineer'. Did you mean 'linear'?",
        "`diffusion: {schedule: LINEAR}` | diffusion.schedule | Did you mean 'linear'?",
        "`diffusion: {betaStart: 0}` | diffusion.betaStart | must be more than 0, found 0.",
        "`teacher: {training: {learningRate: 1e999}}` | teacher.training.learningRate"
            + " | must be a finite number, found Infinity.",
        "`teacher: {training: {warmupSteps: 99999999999}}` | teacher.training.warmupSteps"
            + " | must be at most 2147483647, found 99999999999.",
        "seed: 9223372036854775808 | seed | must be at most 9223372036854775807",
        "name: `''` | name | must have at least 1 characters, found 0.",
        "name: `' '` | name | must not be blank.",
        "name: [1] | name | must be text, found a list.",
        "compute: tpu | compute | must match cpu|gpu(-[a-z0-9]+)?, found 'tpu'.",
        "compute: xcpu | compute | must match",
        "labels: {a: 1} | labels.a | must be text, found 1.",
        "labels: {a: } | labels.a | must be text, found nothing.",
        "dataset: {source: 'ftp://x/y'} | dataset.source | unknown scheme 'ftp'",
        "evaluation: {sampler: {steps: 1001}} | evaluation.sampler.steps"
            + " | must be at most diffusion.timesteps 1000, found 1001.",
      })
  void shouldNameTheFieldAndWhatWasExpected(String text, String field, String message) {
    List<SpecFault> faults = faultsOf(text.replace("`", ""));
    assertThat(faults).extracting(SpecFault::field).containsExactly(field);
    assertThat(faults.get(0).message()).contains(message);
  }

  @Test
  void shouldRefuseALabelKeyThatIsTooLong() {
    assertThat(faultsOf("labels: {%s: x}".formatted("k".repeat(64))))
        .extracting(SpecFault::message)
        .containsExactly("size must be between 1 and 63.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\\u0000b", "\\ud800"})
  void shouldRefuseTextThatCannotBeStored(String text) {
    String json =
        "{\"name\": \"%s\", \"labels\": {\"a\": \"x\", \"b\": \"%s\"}}".formatted(text, text);
    assertThat(refusal(json, DocumentFormat.JSON).faults())
        .extracting(SpecFault::field)
        .containsExactly("name", "labels.b");
  }

  @Test
  void shouldReportAllFaultsAtOnceAndNoneThatFollowsFromAnother() {
    List<SpecFault> faults =
        faultsOf(
            """
            name: " "
            sead: 3
            dataset: {source: "shapes?size=4", resolution: 20}
            diffusion: {betaStart: 0.5, betaEnd: 0.1}
            teacher:
              network: {channels: wide, multipliers: [1, 2, 2, 2], attentionResolutions: []}
            students:
              count: 0
              network: {multipliers: [1, 2, 0]}
              assignment: {kind: explicit, boundaries: [5, 3, 7]}
              specificProbability: 2
              loss: {diffusion: 0, distillation: 0}
            """);
    assertThat(faults)
        .extracting(SpecFault::field)
        .containsExactlyInAnyOrder(
            "sead",
            "teacher.network.channels",
            "students.count",
            "students.network.multipliers[2]",
            "students.specificProbability",
            "name",
            "dataset.source",
            "diffusion.betaEnd",
            "teacher.network.multipliers",
            "students.loss");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`name: a\nname: b` | Duplicate field 'name'",
        "`a: &x 1\nb: *x` | anchors and aliases are not supported",
        "`name: !!java.net.URL [x]` | tags such as 'tag:yaml.org,2002:java.net.URL' are not supported",
        "`name: a\n---\nname: b` | a second document follows",
        "`name: [` | is not YAML (line",
        "`seed: .nan` | is not YAML (line 1",
        "`` | The document is empty.",
        "`# nothing` | The document is empty.",
      })
  void shouldRefuseYamlThatIsMoreOrLessThanPlainData(String text, String message) {
    RefusedDocumentException refused = refusal(text, DocumentFormat.YAML);
    assertThat(refused.reason()).isEqualTo(Reason.MALFORMED);
    assertThat(refused.faults()).hasSize(1);
    assertThat(refused.faults().get(0).message()).contains(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`{\"name\": \"a\", \"name\": \"b\"}` | Duplicate field 'name'",
        "`{\"name\": \"a\"} x` | is not JSON",
        "`{\"name\": NaN}` | is not JSON",
        "`{` | is not JSON",
        "null | The document is empty.",
      })
  void shouldRefuseMalformedJson(String text, String message) {
    RefusedDocumentException refused = refusal(text, DocumentFormat.JSON);
    assertThat(refused.reason()).isEqualTo(Reason.MALFORMED);
    assertThat(refused.faults().get(0).message()).contains(message);
  }

  @Test
  void shouldPointAtTheCharacterThatIsNoYaml() {
    assertThat(refusal("name: a\nstudents: count: 4\n", DocumentFormat.YAML).faults())
        .extracting(SpecFault::message)
        .containsExactly(
            """
            The document is not YAML (line 2, column 16): mapping values are not allowed here.
              students: count: 4
                             ^""");
    assertThat(refusal("seeds: [1,\n2\nname: ü\n", DocumentFormat.YAML).faults())
        .extracting(SpecFault::message)
        .containsExactly(
            """
            The document is not YAML (line 3, column 5): expected ',' or ']', but got : while parsing a flow sequence from line 1, column 8 on.
              name: ü
                  ^""");
    assertThat(refusal("name: a\n\tseed: 1\n", DocumentFormat.YAML).faults().get(0).message())
        .contains("line 2, column 1", "\n   seed: 1\n  ^");
  }

  @Test
  void shouldPointAtTheCharacterThatIsNoJson() {
    assertThat(
            refusal("{\"name\": \"üü\", seed: 1}", DocumentFormat.JSON).faults().get(0).message())
        .startsWith("The document is not JSON (line 1, column 16): Unexpected character ('s'")
        .endsWith("\n  {\"name\": \"üü\", seed: 1}\n                 ^");
    assertThat(refusal("{", DocumentFormat.JSON).faults().get(0).message())
        .contains("start marker at line 1, column 1")
        .doesNotContain("Source");
    assertThat(
            refusal("{\"name\": \"%s\", oops}".formatted("x".repeat(1000)), DocumentFormat.JSON)
                .faults()
                .get(0)
                .message()
                .lines()
                .skip(1))
        .hasSize(2)
        .allMatch(line -> line.length() <= 90);
  }

  @Test
  void shouldRefuseDeepNestingInBothLanguages() {
    String deep = "{\"name\":" + "[".repeat(5000) + "]".repeat(5000) + "}";
    assertThat(refusal(deep, DocumentFormat.JSON).reason()).isEqualTo(Reason.MALFORMED);
    assertThat(refusal(deep, DocumentFormat.YAML).reason()).isEqualTo(Reason.MALFORMED);
  }

  @Test
  void shouldRefuseADocumentThatIsNoSetOfFields() {
    assertThat(refusal("[1]", DocumentFormat.JSON).reason()).isEqualTo(Reason.INVALID);
    assertThat(refusal("text", DocumentFormat.YAML).reason()).isEqualTo(Reason.INVALID);
  }

  @Test
  void shouldRefuseADocumentAboveTheLimitOnly() {
    String fits = "# " + "x".repeat(256 * 1024 - 10) + "\nname: a";
    assertThat(yaml(fits).name()).isEqualTo("a");
    assertThat(refusal(fits + "b", DocumentFormat.YAML).reason()).isEqualTo(Reason.TOO_LARGE);
  }

  @Test
  void shouldTellTheFirstFaultsOfManyAndCountAll() {
    StringBuilder text = new StringBuilder("{\"name\": \"a\"");
    for (int i = 0; i < 20_000; i++) {
      text.append(", \"k").append(i).append("\": 1");
    }
    RefusedDocumentException refused = refusal(text + "}", DocumentFormat.JSON);
    assertThat(refused.count()).isEqualTo(20_000);
    assertThat(refused.faults()).hasSize(RefusedDocumentException.MOST_FAULTS);
    assertThat(refused.getMessage()).hasSizeLessThan(100_000);
  }

  @Test
  void shouldRefuseAStudyWithoutBase() {
    for (String text : List.of("name: a", "{name: a, base: null}")) {
      assertThatThrownBy(
              () -> READER.study(text.getBytes(StandardCharsets.UTF_8), DocumentFormat.YAML))
          .isInstanceOfSatisfying(
              RefusedDocumentException.class,
              e -> assertThat(e.faults()).extracting(SpecFault::field).containsExactly("base"));
    }
    assertThat(
            READER
                .study("base: {}".getBytes(StandardCharsets.UTF_8), DocumentFormat.YAML)
                .spec()
                .name())
        .isEqualTo("study");
  }

  @Test
  void shouldReadOverridesWithTheirBounds() {
    byte[] good = "{\"learningRate\": 0.01}".getBytes(StandardCharsets.UTF_8);
    assertThat(READER.overrides(good, DocumentFormat.JSON))
        .isEqualTo(TrainingOverridesBuilder.builder().learningRate(Optional.of(0.01)).build());
    byte[] bad = "{\"learningRate\": 0, \"epochs\": 3}".getBytes(StandardCharsets.UTF_8);
    RefusedDocumentException refused =
        catchThrowableOfType(
            RefusedDocumentException.class, () -> READER.overrides(bad, DocumentFormat.JSON));
    assertThat(refused.faults())
        .extracting(SpecFault::field)
        .containsExactlyInAnyOrder("learningRate", "epochs");
  }

  @Test
  void shouldRefuseAnAddressWithASecretInWhateverTextItStands() {
    String signed = "https://host/a.zip?x=1&%58-Amz-Signature=abc";
    assertThat(
            faultsOf(
                "{name: 'as of %1$s', labels: {from: '%1$s'}, dataset: {source: '%1$s'}}"
                    .formatted(signed)))
        .allSatisfy(fault -> assertThat(fault.message()).contains("'X-Amz-Signature'"))
        .allSatisfy(fault -> assertThat(fault.message()).doesNotContain("abc"))
        .extracting(SpecFault::field)
        .containsExactlyInAnyOrder("name", "labels.from", "dataset.source");
    yaml("{name: 'as of https://host/a.zip?x=1'}");
  }

  @Test
  void shouldRefuseASecretInWhatNoExperimentOfAStudyHas() {
    String study =
        """
        question: "Is it %1$s?"
        base: {dataset: {source: "%1$s"}}
        axes: [{name: d, field: dataset.source, values: [shapes, "%1$s"]}]
        """
            .formatted("https://me:abc@host/a.zip");
    RefusedDocumentException refused =
        catchThrowableOfType(
            RefusedDocumentException.class,
            () -> READER.study(study.getBytes(StandardCharsets.UTF_8), DocumentFormat.YAML));
    assertThat(refused.faults())
        .allSatisfy(fault -> assertThat(fault.message()).doesNotContain("abc"))
        .extracting(SpecFault::field)
        .containsExactlyInAnyOrder("question", "base.dataset.source", "axes[0].values[1]");
  }

  private static ExperimentSpec yaml(String text) {
    return READER.spec(text.getBytes(StandardCharsets.UTF_8), DocumentFormat.YAML);
  }

  private static ExperimentSpec json(String text) {
    return READER.spec(text.getBytes(StandardCharsets.UTF_8), DocumentFormat.JSON);
  }

  private static List<SpecFault> faultsOf(String yaml) {
    RefusedDocumentException refused = refusal(yaml, DocumentFormat.YAML);
    assertThat(refused.reason()).isEqualTo(Reason.INVALID);
    return refused.faults();
  }

  private static RefusedDocumentException refusal(String text, DocumentFormat format) {
    RefusedDocumentException refused =
        catchThrowableOfType(
            RefusedDocumentException.class,
            () -> READER.spec(text.getBytes(StandardCharsets.UTF_8), format));
    assertThat(refused).isNotNull();
    return refused;
  }
}
