package dev.atelier.opening;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.evaluation.LinearAlgebra;
import dev.atelier.evaluation.ReferenceStatistics;
import dev.atelier.network.TeacherException;
import dev.atelier.network.TeacherImport;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** A file of a user's that is to be opened and tried, to see whether it does what it should. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Opening.Extractor.class, name = "extractor"),
  @JsonSubTypes.Type(value = Opening.Statistics.class, name = "statistics"),
  @JsonSubTypes.Type(value = Opening.Teacher.class, name = "teacher")
})
public sealed interface Opening {

  /**
   * Opens it in this process.
   *
   * @param work a directory for temporary files
   * @throws RuntimeException of the file's kind if it cannot be used
   */
  void open(Path work) throws IOException;

  /** The failure of this kind of file, with a sentence of its own. */
  RuntimeException refusal(String sentence);

  /** The failure of this kind of file, for a process that died of it. */
  default RuntimeException failure(String clause) {
    return refusal("Cannot use '%s': %s.".formatted(name(), clause));
  }

  /** What messages call the file. */
  String name();

  /** The file, or the folder. */
  Path path();

  /** The same file at another path. */
  Opening at(Path other);

  /** A feature extractor; see {@link FeatureExtractor#open}. */
  record Extractor(
      Path path, String name, String sha256, Optional<Integer> resizeTo, int resolution)
      implements Opening {
    @Override
    public void open(Path work) {
      FeatureExtractor.open(path, name, sha256, resizeTo, resolution, "cpu").close();
    }

    @Override
    public Opening at(Path other) {
      return new Extractor(other, name, sha256, resizeTo, resolution);
    }

    @Override
    public RuntimeException refusal(String sentence) {
      return new ExtractorException(sentence);
    }
  }

  /** Reference statistics; see {@link ReferenceStatistics#read}. */
  record Statistics(Path path) implements Opening {
    @Override
    public void open(Path work) {
      try (LinearAlgebra algebra = new LinearAlgebra()) {
        ReferenceStatistics.read(path).requireCovariance(name(), algebra);
      }
    }

    @Override
    public Opening at(Path other) {
      return new Statistics(other);
    }

    @Override
    public RuntimeException refusal(String sentence) {
      return new EvaluationException(sentence);
    }

    @Override
    public String name() {
      return path.getFileName().toString();
    }
  }

  /** A teacher; see {@link TeacherImport#read}. */
  record Teacher(Path path, String name, TeacherImport.Expected expected) implements Opening {
    @Override
    public void open(Path work) throws IOException {
      TeacherImport.read(path, name, expected, "cpu", work);
    }

    @Override
    public Opening at(Path other) {
      return new Teacher(other, name, expected);
    }

    @Override
    public RuntimeException refusal(String sentence) {
      return TeacherException.of(sentence);
    }
  }
}
