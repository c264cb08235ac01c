package dev.atelier.spec;

import java.util.Optional;
import java.util.OptionalLong;

/** The forms that the source of a dataset, a teacher or a feature extractor may take. */
final class SourceRules {

  private SourceRules() {}

  /** What is wrong with the source of a dataset, as a sentence; empty: nothing. */
  static Optional<String> datasetFault(String source) {
    if (source.equals("cifar10")) {
      return Optional.empty();
    }
    if (source.startsWith("cifar10?")) {
      return Optional.of("cifar10 takes no parameters, found '%s'.".formatted(source));
    }
    if (ShapesSource.isNamed(source)) {
      return shapesFault(source);
    }
    return locationFault(source);
  }

  /** What is wrong with the source of a teacher, as a sentence; empty: nothing. */
  static Optional<String> teacherFault(String source) {
    if (source.equals("cifar10") || ShapesSource.isNamed(source)) {
      return Optional.of(
          "names a dataset, found '%s': expected the path or URI of a model (./%s for a file of that name)."
              .formatted(source, source));
    }
    return locationFault(source, true);
  }

  /** What is wrong with the path or URI of a file, as a sentence; empty: nothing. */
  static Optional<String> locationFault(String location) {
    return locationFault(location, false);
  }

  private static Optional<String> locationFault(String location, boolean isTeacher) {
    try {
      SourceLocation parsed = SourceLocation.parse(location);
      if (!isTeacher && parsed instanceof SourceLocation.StoredFolder) {
        return Optional.of(
            "names a prefix of the object store, which teachers and CLIP models alone may: expected an object, as in s3://bucket/images.zip.");
      }
      if (!isTeacher && parsed instanceof SourceLocation.HubModel) {
        return Optional.of(
            "names a model of the Hub, which teachers and CLIP models alone may: expected a path, or a file:, http(s): or s3: URI.");
      }
      return SourceSecrets.fault(location);
    } catch (SourceLocation.MalformedSourceException e) {
      return Optional.of(e.getMessage());
    }
  }

  /** The number of images of a shapes source, if it is one. */
  static OptionalLong shapesCount(String source) {
    return ShapesSource.isNamed(source) && shapesFault(source).isEmpty()
        ? OptionalLong.of(ShapesSource.parse(source).count())
        : OptionalLong.empty();
  }

  private static Optional<String> shapesFault(String source) {
    try {
      var unused = ShapesSource.parse(source);
      return Optional.empty();
    } catch (SourceLocation.MalformedSourceException e) {
      return Optional.of(e.getMessage());
    }
  }
}
