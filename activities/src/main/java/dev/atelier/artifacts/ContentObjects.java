package dev.atelier.artifacts;

import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.ObjectRef;
import java.nio.file.Path;
import java.util.function.UnaryOperator;

/** Files in the store whose keys follow from their content: what is there is not sent again. */
record ContentObjects(ObjectStore store) {

  /** Keeps {@code file} under the key that {@code keyOf} makes of its SHA-256. */
  ObjectRef keep(Path file, UnaryOperator<String> keyOf, String contentType) {
    String sha256 = Sha256.of(file);
    return keep(file, new ObjectRef(keyOf.apply(sha256), sha256), contentType);
  }

  /** The same of a file whose hash is known. */
  ObjectRef keep(Path file, ObjectRef object, String contentType) {
    if (!store.exists(object.objectKey())) {
      store.put(object.objectKey(), file, contentType);
    }
    return object;
  }
}
