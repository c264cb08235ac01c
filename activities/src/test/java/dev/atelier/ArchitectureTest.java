package dev.atelier;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SliceRule;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** Which package may know what; see the layout table in docs/architecture.md. */
class ArchitectureTest {

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.atelier");

  private static final SliceRule NO_CIRCLES = slices().matching("(**)").should().beFreeOfCycles();

  private static final String[] METHOD = {
    "dev.atelier.diffusion..",
    "dev.atelier.network..",
    "dev.atelier.pipeline..",
    "dev.atelier.training..",
    "dev.atelier.dataset..",
    "dev.atelier.evaluation..",
    "dev.atelier.assignment..",
    "dev.atelier.merging..",
    "dev.atelier.work.."
  };

  @Test
  void shouldHaveNoCirclesOfPackages() {
    NO_CIRCLES.check(CLASSES);
  }

  @Test
  void shouldFindACircleOfPackages() {
    JavaClasses circle = new ClassFileImporter().importClasses(String.class, Locale.class);
    assertThatThrownBy(() -> NO_CIRCLES.check(circle)).hasMessageContaining("Cycle detected");
  }

  @Test
  void shouldKeepTemporalInTheWorkerAndTheWorkflows() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.atelier.worker..", "dev.atelier.workflows..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.temporal..")
        .check(CLASSES);
  }

  @Test
  void shouldKeepTheStoreOutOfTheMethod() {
    noClasses()
        .that()
        .resideInAnyPackage(METHOD)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "dev.atelier.store..",
            "dev.atelier.version..",
            "dev.atelier.artifacts..",
            "dev.atelier.intake..",
            "dev.atelier.attempt..",
            "dev.atelier.reuse..",
            "dev.atelier.publication..",
            "dev.atelier.worker..",
            "io.minio..",
            "org.jdbi..",
            "org.postgresql..")
        .check(CLASSES);
    noClasses()
        .that()
        .resideInAnyPackage(METHOD)
        // DuckDB has no other way in: it reads one file here, and is no store.
        .and()
        .haveNameNotMatching("dev\\.atelier\\.dataset\\.DuckTable.*")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("java.sql..")
        .check(CLASSES);
  }

  @Test
  void shouldLeaveTheStoresClientToTheModuleOfTheStore() {
    clientOnlyIn("dev.atelier.store.objects").check(CLASSES);
    assertThatThrownBy(() -> clientOnlyIn("dev.atelier.store").check(CLASSES))
        .hasMessageContaining("dev.atelier.store.objects.ObjectStore");
  }

  private static ArchRule clientOnlyIn(String name) {
    return noClasses()
        .that()
        .resideOutsideOfPackage(name)
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.minio..");
  }

  @Test
  void shouldKeepDiffusionPureMaths() {
    noClasses()
        .that()
        .resideInAPackage("dev.atelier.diffusion..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("ai.djl..", "java.io..", "java.nio.file..")
        .check(CLASSES);
  }

  @Test
  void shouldKeepDjlOutOfStoreDatasetAndMerging() {
    noClasses()
        .that()
        .resideInAnyPackage("dev.atelier.store..", "dev.atelier.dataset..", "dev.atelier.merging..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("ai.djl..")
        .check(CLASSES);
  }
}
