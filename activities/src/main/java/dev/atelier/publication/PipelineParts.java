package dev.atelier.publication;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.network.files.DiffusersNetwork;
import dev.atelier.spec.TeacherSpec.Parts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What the teacher's pipeline has between its network and users, which its students need too: an
 * autoencoder, a text encoder, a tokenizer.
 *
 * @param index its {@code model_index.json} without the network and the scheduler
 * @param root its folder
 * @param carried whether an export has the parts, or only names them
 */
record PipelineParts(ObjectNode index, Path root, Parts carried) {

  /** The pipeline whose parts are understood. */
  private static final String PIPELINE = "StableDiffusionPipeline";

  /** Parts that it does without. */
  private static final Set<String> OPTIONAL =
      Set.of("safety_checker", "feature_extractor", "image_encoder");

  private static final String INDEX = "model_index.json";

  /**
   * One part.
   *
   * @param library of its class, as the index has it
   */
  record Part(String name, String library, String className) {}

  /**
   * Reads a folder of diffusers.
   *
   * @throws IllegalArgumentException if it is another pipeline, or a part is missing, as a clause
   */
  static PipelineParts read(Path root, Optional<Parts> asked) throws IOException {
    if (!Files.exists(root.resolve(INDEX))) {
      throw new IllegalArgumentException("expected %s, found none".formatted(INDEX));
    }
    ObjectNode index = (ObjectNode) new ObjectMapper().readTree(root.resolve(INDEX).toFile());
    String pipeline = index.path("_class_name").asText();
    if (!pipeline.equals(PIPELINE)) {
      throw new IllegalArgumentException(
          "_class_name of %s is %s, supported: %s".formatted(INDEX, pipeline, PIPELINE));
    }
    DiffusersNetwork.folders().forEach(index::remove);
    index.remove(List.of("_class_name", "_diffusers_version", "_name_or_path", "scheduler"));
    PipelineParts parts = new PipelineParts(index, root, asked.orElse(Parts.COPIED));
    for (Part part : parts.all()) {
      boolean there = Files.isDirectory(root.resolve(part.name()));
      if (!there && OPTIONAL.contains(part.name())) {
        index.putArray(part.name()).addNull().addNull();
        index.put("requires_safety_checker", false);
      } else if (!there) {
        throw new IllegalArgumentException(
            "%s names the part '%s', found no such folder".formatted(INDEX, part.name()));
      }
    }
    return parts;
  }

  /** Its parts, in the order of the index. */
  List<Part> all() {
    List<Part> parts = new ArrayList<>();
    for (var field : index.properties()) {
      JsonNode value = field.getValue();
      if (value.isArray() && value.size() == 2 && value.get(0).isTextual()) {
        parts.add(new Part(field.getKey(), value.get(0).asText(), value.get(1).asText()));
      }
    }
    return parts;
  }

  /** The files of a part, which has no folders in it. */
  List<Path> files(Part part) throws IOException {
    try (Stream<Path> files = Files.list(root.resolve(part.name()))) {
      return files.filter(Files::isRegularFile).sorted().toList();
    }
  }

  /** The index of a pipeline of students: parts that are not copied are for users to give. */
  ObjectNode indexOfStudents() {
    ObjectNode students = index.deepCopy();
    if (carried == Parts.REFERENCED) {
      all().forEach(part -> students.putArray(part.name()).addNull().addNull());
    }
    return students;
  }
}
