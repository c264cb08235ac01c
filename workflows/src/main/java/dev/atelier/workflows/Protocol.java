package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.atelier.spec.EvaluationSpec.Classes;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.SpecWord;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;

/**
 * How figures were measured; figures with different protocols don't compare.
 *
 * @param metric what the Fréchet distance is called
 * @param resizeTo pixels per side before the extractor (bilinear, antialiased), if resized
 * @param referenceImages number of images compared with; 0: the reference statistics don't say
 * @param referenceSha256 content hash of the dataset compared with, or of the .npz in its place
 * @param sampler what the samples came from, where Atelier sampled them
 * @param seed of the samples' noise
 * @param resolution pixels per side of the images
 * @param normalisation what pixel values the extractor is given
 * @param referenceStatisticsSha256 of the file with the reference's statistics
 * @param kernel of the kernel distance, where it was measured
 * @param classScoreSplits parts of the class score, where it was measured
 * @param neighbours of precision and recall, where they were measured
 * @param classes of class-conditional samples
 * @param promptsSha256 content hash of what the prompts of samples were drawn from, where they have
 *     some
 * @param clip of the figures of a CLIP model, where there are some
 */
@RecordBuilder
public record Protocol(
    String metric,
    String extractor,
    String extractorSha256,
    Optional<Integer> resizeTo,
    int samples,
    int referenceImages,
    String referenceSha256,
    Optional<SamplerSpec> sampler,
    Optional<Long> seed,
    String codeVersion,
    Optional<Integer> resolution,
    Optional<String> normalisation,
    Optional<String> referenceStatisticsSha256,
    Optional<Kernel> kernel,
    Optional<Integer> classScoreSplits,
    Optional<Neighbours> neighbours,
    Optional<Classes> classes,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) // as in rows of earlier versions
        Optional<String> promptsSha256,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Clip> clip) {

  /**
   * Of the kernel distance.
   *
   * @param subsets how many pairs of subsets
   * @param subsetSize images in each
   * @param seed of NumPy's RandomState, which draws them
   */
  public record Kernel(int subsets, int subsetSize, long seed) {}

  /**
   * Of precision and recall.
   *
   * @param k the neighbour whose distance is the radius
   * @param samples number of samples whose features were compared
   * @param referenceImages number of reference images whose features were compared
   */
  public record Neighbours(int k, int samples, int referenceImages) {}

  /**
   * Of the CLIP score and the distance of CLIP's embeddings.
   *
   * @param model its name
   * @param sha256 of its files
   * @param estimator of the distance
   * @param samples number of samples whose embeddings were compared
   * @param referenceImages number of images of the dataset whose embeddings were compared
   */
  public record Clip(
      String model, String sha256, String estimator, int samples, int referenceImages) {}

  /** Fields that a row of an earlier version lacks are empty. */
  public Protocol {
    metric = metric == null ? "" : metric;
    extractor = extractor == null ? "" : extractor;
    extractorSha256 = extractorSha256 == null ? "" : extractorSha256;
    resizeTo = resizeTo == null ? Optional.empty() : resizeTo;
    referenceSha256 = referenceSha256 == null ? "" : referenceSha256;
    sampler = sampler == null ? Optional.empty() : sampler;
    seed = seed == null ? Optional.empty() : seed;
    codeVersion = codeVersion == null ? "" : codeVersion;
    resolution = resolution == null ? Optional.empty() : resolution;
    normalisation = normalisation == null ? Optional.empty() : normalisation;
    referenceStatisticsSha256 =
        referenceStatisticsSha256 == null ? Optional.empty() : referenceStatisticsSha256;
    kernel = kernel == null ? Optional.empty() : kernel;
    classScoreSplits = classScoreSplits == null ? Optional.empty() : classScoreSplits;
    neighbours = neighbours == null ? Optional.empty() : neighbours;
    classes = classes == null ? Optional.empty() : classes;
    promptsSha256 = promptsSha256 == null ? Optional.empty() : promptsSha256;
    clip = clip == null ? Optional.empty() : clip;
  }

  /**
   * A sentence that names the fields in which protocols of figures that stand side by side differ;
   * empty: the figures compare. Seeds may differ (that is how spread is measured), and so may the
   * version of the code.
   */
  public static Optional<String> warning(Collection<Protocol> protocols) {
    Map<String, Set<String>> found = new LinkedHashMap<>();
    for (Protocol protocol : protocols) {
      protocol
          .comparable()
          .forEach(
              (field, value) ->
                  found.computeIfAbsent(field, f -> new LinkedHashSet<>()).add(value));
    }
    StringJoiner differing = new StringJoiner("; ");
    found.forEach(
        (field, values) -> {
          if (values.size() > 1) {
            differing.add("%s (%s)".formatted(field, String.join(", ", values)));
          }
        });
    return differing.length() == 0
        ? Optional.empty()
        : Optional.of(
            "Figures measured under different protocols don't compare; these differ in: %s."
                .formatted(differing));
  }

  /** What must be equal for figures to compare, by field; what isn't known is left out. */
  private Map<String, String> comparable() {
    Map<String, String> fields = new LinkedHashMap<>();
    if (!extractorSha256.isEmpty()) {
      fields.put("extractor", "%s %s".formatted(extractor, shortened(extractorSha256)));
    }
    resolution.ifPresent(r -> fields.put("resolution", r.toString()));
    if (!extractorSha256.isEmpty()) {
      fields.put("resizeTo", resizeTo.map(String::valueOf).orElse("none"));
    }
    normalisation.ifPresent(n -> fields.put("normalisation", n));
    if (samples > 0) {
      fields.put("samples", Integer.toString(samples));
    }
    if (!referenceSha256.isEmpty()) {
      fields.put("reference", shortened(referenceSha256));
    }
    sampler.ifPresent(
        s -> {
          fields.put("sampler.kind", s.kind().toString());
          fields.put("sampler.steps", s.steps().toString());
          fields.put("sampler.spacing", s.spacing().toString());
          fields.put("sampler.eta", s.eta().toString());
          fields.put("sampler.clip", s.clip().toString());
          fields.put("sampler.stepsOffset", s.stepsOffset().orElse(0).toString());
          fields.put("sampler.finalSigma", s.finalSigma().map(SpecWord::of).orElse("zero"));
          fields.put("sampler.variance", s.variance().map(SpecWord::of).orElse("fixed-small"));
          fields.put("sampler.initialNoise", s.initialNoise().map(SpecWord::of).orElse("unit"));
        });
    classes.ifPresent(c -> fields.put("classes", c.toString()));
    kernel.ifPresent(
        k -> {
          fields.put("kernel.subsets", Integer.toString(k.subsets()));
          fields.put("kernel.subsetSize", Integer.toString(k.subsetSize()));
        });
    classScoreSplits.ifPresent(splits -> fields.put("classScoreSplits", splits.toString()));
    neighbours.ifPresent(
        n -> {
          fields.put("neighbours.k", Integer.toString(n.k()));
          fields.put("neighbours.samples", Integer.toString(n.samples()));
          fields.put("neighbours.referenceImages", Integer.toString(n.referenceImages()));
        });
    promptsSha256.ifPresent(sha256 -> fields.put("prompts", shortened(sha256)));
    clip.ifPresent(
        c -> {
          fields.put("clip.model", "%s %s".formatted(c.model(), shortened(c.sha256())));
          fields.put("clip.estimator", c.estimator());
          fields.put("clip.samples", Integer.toString(c.samples()));
          fields.put("clip.referenceImages", Integer.toString(c.referenceImages()));
        });
    return fields;
  }

  private static String shortened(String sha256) {
    return sha256.substring(0, Math.min(8, sha256.length()));
  }
}
