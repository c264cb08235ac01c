package dev.atelier.repository;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Nobody can read a row of so many arguments: long records are made by builders. */
class BuildersTest {

  private static final int LONG = 12; // components

  /** As long as one may not be without a builder. */
  record Twelve(
      int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k, int l) {}

  /** One fewer. */
  record Eleven(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k) {}

  @Test
  void shouldHaveABuilderOfEachLongRecord() {
    JavaClasses classes =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.atelier");
    assertThat(longRecords(classes))
        .extracting(JavaClass::getSimpleName)
        .contains("TrainingSpec", "ModelView", "DatasetManifest", "ExperimentReport"); // of each
    assertThat(withoutBuilder(classes)).isEmpty();
  }

  @Test
  void shouldFindALongRecordWithoutABuilder() {
    JavaClasses classes = new ClassFileImporter().importClasses(Twelve.class, Eleven.class);
    assertThat(withoutBuilder(classes))
        .extracting(JavaClass::getSimpleName)
        .containsExactly("Twelve");
  }

  private static List<JavaClass> withoutBuilder(JavaClasses classes) {
    return longRecords(classes).stream()
        .filter(type -> !classes.contain(type.getName().replace("$", "") + "Builder"))
        .toList();
  }

  private static List<JavaClass> longRecords(JavaClasses classes) {
    return classes.stream().filter(type -> type.isRecord() && components(type) >= LONG).toList();
  }

  private static long components(JavaClass type) {
    return type.getFields().stream()
        .filter(field -> !field.getModifiers().contains(JavaModifier.STATIC))
        .count();
  }
}
