package dev.atelier.version;

import static dev.atelier.version.CodeVersion.TRAINING;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

class CodeVersionTest {

  /** Of other people's classes, these say nothing of what comes out. */
  private static final List<String> NOT_DECIDING =
      List.of(
          "com/fasterxml/jackson/",
          "com/sun/jna/",
          "io/micrometer/",
          "io/temporal/",
          "jakarta/validation/",
          "okhttp3/",
          "org/slf4j/");

  /** And these do, each by a version among the libraries. */
  private static final Map<String, String> DECIDING =
      Map.of(
          "ai/djl/", "djl",
          "com/github/luben/", "zstd-jni",
          "com/luciad/", "webp-imageio",
          "org/apache/commons/compress/", "commons-compress",
          "org/duckdb/", "duckdb",
          "org/lmdbjava/", "lmdbjava",
          "org/tukaani/xz/", "xz");

  @ParameterizedTest
  @CsvSource({
    "dev/atelier/dataset/image/PillowResize, DATASET SAMPLING MERGING", // CLIP's images too
    "dev/atelier/dataset/image/ImageDecoder, DATASET",
    "dev/atelier/dataset/PackedImages, ENCODING TRAINING SAMPLING MEASURING MERGING", // captions
    "dev/atelier/encoding/EncodedImages, TRAINING",
    "dev/atelier/encoding/DatasetEncoding, ENCODING",
    "dev/atelier/spec/NetworkSpec, TRAINING SAMPLING MERGING", // groupsFor
    "dev/atelier/spec/UNetArchitecture, TRAINING SAMPLING MERGING",
    "dev/atelier/graph/Operation, ENCODING TRAINING SAMPLING MERGING",
    "dev/atelier/graph/Initialiser, ENCODING TRAINING SAMPLING MERGING",
    "dev/atelier/attempt/TrainingTasks, TRAINING", // first weights
    "dev/atelier/training/PrunedTeacher, TRAINING",
    "dev/atelier/training/TrainingLoop, TRAINING",
    "dev/atelier/network/FeatureLoss, TRAINING",
    "dev/atelier/diffusion/NoiseSchedule, TRAINING SAMPLING MERGING",
    "dev/atelier/diffusion/DdimSampler, SAMPLING MERGING",
    "dev/atelier/evaluation/ShardSampling, SAMPLING",
    "dev/atelier/artifacts/TrainedModels, TRAINING SAMPLING MERGING", // whose weights
    "dev/atelier/evaluation/FeatureExtractor, SAMPLING MEASURING MERGING",
    "dev/atelier/evaluation/ShardComparison, MEASURING MERGING",
    "dev/atelier/evaluation/PrecisionRecall, MEASURING MERGING", // a metric
    "dev/atelier/merging/GreedyMerging, MERGING", // merge plans
    "dev/atelier/merging/MergePlanner, MERGING",
    "dev/atelier/merging/SampledDistance, MERGING",
    "dev/atelier/diffusion/AskedModels, SAMPLING MERGING",
    "dev/atelier/network/tensors/HostTensor, ENCODING TRAINING SAMPLING MEASURING MERGING",
  })
  void shouldMoveWhatAClassDecidesAndNothingElse(String changed, String versions) {
    assertThat(movedBy(changed, CodeVersionTest::otherBehaviour)).isEqualTo(kinds(versions));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "dev/atelier/worker/WorkerMain",
        "dev/atelier/worker/TrainingActivitiesImpl",
        "dev/atelier/worker/EvaluationActivitiesImpl",
        "dev/atelier/worker/Scopes",
        "dev/atelier/worker/Wiring",
        "dev/atelier/evaluation/Evaluator",
        "dev/atelier/attempt/ModelTrainer",
        "dev/atelier/artifacts/StoredDatasets",
        "dev/atelier/work/Scope",
        "dev/atelier/artifacts/ArtifactCache",
        "dev/atelier/training/TrainingMetrics",
        "dev/atelier/store/objects/ObjectStore",
        "dev/atelier/store/S3CheckpointStore",
        "dev/atelier/untrusted/TorchScriptCheck",
        "dev/atelier/report/ExperimentReports",
        "dev/atelier/workflows/DistillationWorkflowImpl",
        "dev/atelier/spec/NetworkCost",
        "dev/atelier/spec/SpecRules",
      })
  void shouldStayWhenOnlyPlumbingChanges(String changed) {
    assertThat(movedBy(changed, CodeVersionTest::otherBehaviour)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "djl, ENCODING TRAINING SAMPLING MEASURING MERGING",
    "pytorch, ENCODING TRAINING SAMPLING MEASURING MERGING",
    "webp-imageio, DATASET",
    "commons-compress, DATASET",
    "xz, DATASET",
    "duckdb, DATASET",
    "lmdbjava, DATASET",
  })
  void shouldMoveWithTheVersionOfALibraryThatDecidesNumbers(String library, String versions) {
    Properties altered = CodeVersion.libraryVersions();
    assertThat(altered.setProperty(library, "0")).asString().matches("\\d+\\.\\d+.*");
    assertThat(moved(CodeVersion.current(CodeVersion::classFile, altered)))
        .isEqualTo(kinds(versions));
  }

  @Test
  void shouldNotMoveWithLineNumbersAndNamesOfLocalVariables() {
    for (String entry : TRAINING.entries()) {
      assertThat(CodeVersion.classFile(entry).orElseThrow())
          .isNotEqualTo(otherLines(CodeVersion.classFile(entry).orElseThrow()));
      assertThat(movedBy(entry, CodeVersionTest::otherLines)).isEmpty();
    }
  }

  /** Nothing that is called may be forgotten among the libraries. */
  @Test
  void shouldKnowOfEveryLibraryWhetherItDecides() {
    DecidingCode code = new DecidingCode(CodeVersion::classFile);
    for (CodeVersion version : CodeVersion.values()) {
      Set<String> unknown =
          code.from(version.entries()).foreign().stream()
              .filter(name -> !name.startsWith("java/") && !name.startsWith("javax/"))
              .filter(name -> name.contains("/") && !name.startsWith("org/w3c/"))
              .filter(name -> NOT_DECIDING.stream().noneMatch(name::startsWith))
              .filter(
                  name ->
                      DECIDING.entrySet().stream()
                          .noneMatch(
                              library ->
                                  name.startsWith(library.getKey())
                                      && version.libraries().contains(library.getValue())))
              .collect(Collectors.toSet());
      assertThat(unknown).as("libraries of %s, neither deciding nor not", version).isEmpty();
    }
  }

  @Test
  void shouldReachOnlyClassesThatExist() {
    DecidingCode code = new DecidingCode(CodeVersion::classFile);
    for (CodeVersion version : CodeVersion.values()) {
      assertThat(code.from(version.entries()).hashes().keySet())
          .containsAll(version.entries())
          .allMatch(name -> CodeVersion.classFile(name).isPresent());
    }
    assertThat(
            DecidingCode.NOT_DECIDING.stream()
                .filter(name -> !name.endsWith("/"))
                .filter(name -> CodeVersion.classFile(name).isEmpty()))
        .isEmpty();
  }

  private static Set<CodeVersion> movedBy(String changed, UnaryOperator<byte[]> change) {
    assertThat(CodeVersion.classFile(changed)).as(changed).isPresent();
    return moved(
        CodeVersion.current(
            name -> {
              Optional<byte[]> file = CodeVersion.classFile(name);
              return name.equals(changed) ? file.map(change) : file;
            },
            CodeVersion.libraryVersions()));
  }

  private static Set<CodeVersion> moved(Map<CodeVersion, String> versions) {
    return Arrays.stream(CodeVersion.values())
        .filter(version -> !versions.get(version).equals(version.current()))
        .collect(Collectors.toSet());
  }

  private static Set<CodeVersion> kinds(String names) {
    return Arrays.stream(names.split(" "))
        .map(CodeVersion::valueOf)
        .collect(Collectors.toCollection(() -> EnumSet.noneOf(CodeVersion.class)));
  }

  /** The class with one more method: as a change of its source would. */
  private static byte[] otherBehaviour(byte[] classFile) {
    ClassWriter writer = new ClassWriter(0);
    new ClassReader(classFile)
        .accept(
            new ClassVisitor(Opcodes.ASM9, writer) {
              @Override
              public void visitEnd() {
                visitMethod(Opcodes.ACC_ABSTRACT, "changed", "()V", null, null).visitEnd();
                super.visitEnd();
              }
            },
            0);
    return writer.toByteArray();
  }

  /** The class as if each of its lines stood further down. */
  private static byte[] otherLines(byte[] classFile) {
    ClassWriter writer = new ClassWriter(0);
    new ClassReader(classFile)
        .accept(
            new ClassVisitor(Opcodes.ASM9, writer) {
              @Override
              public MethodVisitor visitMethod(
                  int access, String name, String descriptor, String signature, String[] thrown) {
                return new MethodVisitor(
                    Opcodes.ASM9, super.visitMethod(access, name, descriptor, signature, thrown)) {
                  @Override
                  public void visitLineNumber(int line, Label start) {
                    super.visitLineNumber(line + 7, start);
                  }

                  @Override
                  public void visitLocalVariable(
                      String local,
                      String type,
                      String generic,
                      Label start,
                      Label end,
                      int index) {
                    super.visitLocalVariable(local + "_", type, generic, start, end, index);
                  }
                };
              }
            },
            0);
    return writer.toByteArray();
  }
}
