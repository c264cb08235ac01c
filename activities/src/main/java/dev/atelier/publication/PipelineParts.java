package dev.atelier.publication;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.spec.TeacherSpec.Parts;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the teacher's pipeline has between its network and users, which its students need too.
 *
 * @param files by their names in the pipeline, such as {@code vae/config.json}
 * @param carried whether an export has them, or only names them
 */
record PipelineParts(Map<String, Path> files, Parts carried) {

  /** The parts of a {@code StableDiffusionPipeline}. */
  enum Part {
    TEXT_ENCODER("text_encoder", "transformers", "CLIPTextModel"),
    TOKENIZER("tokenizer", "transformers", "CLIPTokenizer"),
    VAE("vae", "diffusers", "AutoencoderKL");

    private final String folder;
    private final String library;
    private final String className;

    Part(String folder, String library, String className) {
      this.folder = folder;
      this.library = library;
      this.className = className;
    }

    String folder() {
      return folder;
    }

    String className() {
      return className;
    }

    private boolean has(String file) {
      return file.startsWith(folder + "/");
    }
  }

  /** Optional parts of that pipeline, which no student has. */
  private static final List<String> WITHOUT =
      List.of("safety_checker", "feature_extractor", "image_encoder");

  PipelineParts {
    files = new TreeMap<>(files);
  }

  /**
   * Those of a teacher's files that are of a part.
   *
   * @return empty: it is not a pipeline that reads texts
   */
  static Optional<PipelineParts> of(Map<String, Path> files, Parts carried) {
    Map<String, Path> taken = new TreeMap<>(files);
    taken.keySet().removeIf(file -> Arrays.stream(Part.values()).noneMatch(p -> p.has(file)));
    boolean all =
        Arrays.stream(Part.values()).allMatch(part -> taken.keySet().stream().anyMatch(part::has));
    return all ? Optional.of(new PipelineParts(taken, carried)) : Optional.empty();
  }

  /** The fields of a pipeline's index: parts that are not copied are for users to give. */
  ObjectNode index() {
    ObjectNode index = new ObjectMapper().createObjectNode();
    for (Part part : Part.values()) {
      if (carried == Parts.COPIED) {
        index.putArray(part.folder).add(part.library).add(part.className);
      } else {
        index.putArray(part.folder).addNull().addNull();
      }
    }
    WITHOUT.forEach(part -> index.putArray(part).addNull().addNull());
    return index.put("requires_safety_checker", false);
  }
}
