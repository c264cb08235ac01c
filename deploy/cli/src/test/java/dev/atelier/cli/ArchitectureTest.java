package dev.atelier.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  private static final JavaClasses CLI =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.atelier.cli");

  @Test
  void shouldKnowOfAtelierOnlySpecAndWorkflowContracts() {
    DescribedPredicate<JavaClass> others =
        DescribedPredicate.describe(
            "parts of Atelier but the command line, the spec and the workflow contracts",
            type ->
                type.getPackageName().startsWith("dev.atelier.")
                    && !type.getPackageName()
                        .matches("dev\\.atelier\\.(cli(\\..*)?|spec|workflows(\\..*)?)"));
    noClasses().should().dependOnClassesThat(others).check(CLI);
  }

  @Test
  void shouldSpeakToTheApiAlone() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.temporal..", "io.grpc..", "java.sql..", "io.minio..", "ai.djl..")
        .check(CLI);
  }

  @Test
  void shouldHaveNoCirclesOfPackages() {
    slices().matching("dev.atelier.(**)").should().beFreeOfCycles().check(CLI);
  }
}
