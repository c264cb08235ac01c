package dev.atelier.worker;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.temporal.activity.ActivityInterface;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What activities do lies elsewhere; what implements them only hands it on. */
class AdaptersTest {

  private static final int MOST_LINES = 80;
  private static final String ADAPTER = "ActivitiesImpl";
  private static final Path SOURCES = Path.of("src/main/java/dev/atelier/worker");
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.atelier");

  static List<Path> adapters() throws IOException {
    try (Stream<Path> files = Files.list(SOURCES)) {
      return files.filter(file -> file.toString().endsWith(ADAPTER + ".java")).toList();
    }
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void shouldBeThin(Path adapter) throws IOException {
    assertThat(Files.readAllLines(adapter)).hasSizeLessThanOrEqualTo(MOST_LINES);
  }

  @Test
  void shouldBeWhatImplementsActivities() throws IOException {
    classes()
        .that(
            DescribedPredicate.describe(
                "implement activities",
                c ->
                    !c.isInterface()
                        && c.getAllRawInterfaces().stream()
                            .anyMatch(i -> i.isAnnotatedWith(ActivityInterface.class))))
        .should()
        .haveSimpleNameEndingWith(ADAPTER)
        .andShould()
        .resideInAPackage("dev.atelier.worker")
        .check(CLASSES);
    assertThat(CLASSES.stream().map(JavaClass::getSimpleName).filter(n -> n.endsWith(ADAPTER)))
        .hasSize(adapters().size())
        .hasSizeGreaterThan(5);
  }

  @Test
  void shouldLeaveTheMethodToItsPackages() {
    noClasses()
        .that()
        .haveSimpleNameEndingWith(ADAPTER)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "ai.djl..",
            "dev.atelier.network..",
            "dev.atelier.diffusion..",
            "dev.atelier.opening..",
            "java.nio..")
        .check(CLASSES);
  }
}
