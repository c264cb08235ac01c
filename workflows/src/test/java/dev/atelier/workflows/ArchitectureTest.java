package dev.atelier.workflows;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The lines of the layout table: what this module may know. */
class ArchitectureTest {

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.atelier");

  @Test
  void shouldDependOnNothingButTemporalJacksonAnnotationsAndValidation() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "javax.net.ssl..", // this and gRPC: how a connection to Temporal is secured
            "io.grpc..",
            "dev.atelier.spec..",
            "dev.atelier.workflows..",
            "io.temporal..",
            "com.fasterxml.jackson.annotation..",
            "jakarta.validation..")
        .check(CLASSES);
  }

  @Test
  void shouldKeepTemporalOutOfTheSpec() {
    noClasses()
        .that()
        .resideInAPackage("dev.atelier.spec..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.temporal..", "dev.atelier.workflows..")
        .check(CLASSES);
  }
}
