package dev.atelier.publication;

import dev.atelier.evaluation.Evaluation;
import dev.atelier.network.Network;
import dev.atelier.publication.DiffusersFolders.Place;
import dev.atelier.publication.PipelineParts.Part;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.SourceLocation;
import dev.atelier.spec.SourceLocation.HubModel;
import dev.atelier.spec.SourceSecrets;
import dev.atelier.spec.SpecWord;
import dev.atelier.spec.TeacherSpec.Parts;
import dev.atelier.training.Models;
import dev.atelier.untrusted.OneLine;
import dev.atelier.workflows.EvaluationActivities.Publish;
import dev.atelier.workflows.ModelOrigin;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.vocabulary.Metric;
import dev.atelier.workflows.vocabulary.Notation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The {@code README.md} of a folder: what is in it, where it is from, how it is loaded. */
final class ModelCard {

  private static final int LONGEST = 200; // characters of what users named

  private final Publish task;
  private final ExperimentSpec spec;
  private final List<Evaluation> evaluations;
  private final Optional<ModelOrigin> origin; // of the teacher

  /**
   * @param origin of an imported teacher, as far as it is known
   */
  ModelCard(Publish task, List<Evaluation> evaluations, Optional<ModelOrigin> origin) {
    this.task = task;
    this.spec = task.spec();
    this.evaluations = evaluations;
    this.origin = origin;
  }

  /** Of one model. */
  String ofModel(ModelRef model, Network network, Place place) {
    String subject = model.key().value();
    return String.join(
        "\n",
        frontMatter(),
        "# %s of %s".formatted(subject, name()),
        "",
        "%s, which %s of timesteps %s, after %d steps of training: %s parameters, %s multiply-accumulates a pass, %s images."
            .formatted(
                place.className(),
                predicts(model),
                model.range(),
                model.step(),
                Notation.count(network.parameters()),
                Notation.count(network.macs()),
                images()),
        "",
        "```python",
        "from diffusers import " + place.className(),
        "model = %s.from_pretrained(\"%s\", subfolder=\"%s\")"
            .formatted(place.className(), place.folder(), place.subfolder()),
        "```",
        "",
        figures(List.of(subject)),
        from());
  }

  /**
   * Of models that take turns.
   *
   * @param path where an owner's network lies, seen from the card
   * @param subject what the evaluation calls them
   * @param parts of the teacher's pipeline that belong to it
   * @param differences of diffusers' scheduler from the sampler that the figures are of, clauses
   */
  String ofEnsemble(
      List<ModelRef> owners,
      Function<ModelRef, String> path,
      String subject,
      List<String> differences,
      Optional<PipelineParts> parts) {
    List<String> lines = new ArrayList<>();
    lines.add(frontMatter());
    lines.add("# " + name());
    lines.add("");
    lines.add(
        "%d ranges of timesteps, each with a model that %s of images of %s. Each step of a sampler asks the one whose range holds its timestep."
            .formatted(owners.size(), predicts(owners.get(0)), images()));
    lines.add("");
    lines.add("| model | timesteps | step | parameters | MACs |");
    lines.add("|---|---|---|---|---|");
    for (ModelRef owner : owners) {
      Network network = Models.network(owner, task.dataset()).orElseThrow();
      lines.add(
          "| [%s](%s) | %s | %d | %s | %s |"
              .formatted(
                  owner.key(),
                  path.apply(owner),
                  owner.range(),
                  owner.step(),
                  Notation.count(network.parameters()),
                  Notation.count(network.macs())));
    }
    lines.add("");
    lines.add("```python");
    lines.add("from diffusers import DiffusionPipeline");
    lines.add(
        "pipe = DiffusionPipeline.from_pretrained(\".\", custom_pipeline=\".\", trust_remote_code=True)");
    lines.add(
        parts.isPresent()
            ? "images = pipe(\"a prompt\").images"
            : "images = pipe(batch_size=4).images");
    lines.add("```");
    lines.add("");
    parts.filter(p -> p.carried() == Parts.REFERENCED).ifPresent(p -> lines.add(toGive()));
    lines.add(
        "`trust_remote_code` lets diffusers run `pipeline.py` and `ensemble.py` of this folder: read them first. `pipe.enable_model_loading_in_turn()` keeps one model in memory at a time.");
    lines.add("");
    lines.add(figures(List.of(subject, "teacher", "one-to-one")));
    if (!differences.isEmpty()) {
      lines.add(
          "The figures are of another sampler than the folder's scheduler: %s.%n"
              .formatted(String.join("; ", differences)));
    }
    lines.add(from());
    return String.join("\n", lines);
  }

  /** How the parts that are not in the folder are passed on. */
  private static String toGive() {
    return "The teacher's %s are not in this folder: give `from_pretrained` each of them, such as `%s`.%n"
        .formatted(
            Arrays.stream(Part.values()).map(Part::folder).collect(Collectors.joining(", ")),
            Arrays.stream(Part.values())
                .map(
                    part ->
                        "%s=%s.from_pretrained(TEACHER, subfolder=\"%s\")"
                            .formatted(part.folder(), part.className(), part.folder()))
                .collect(Collectors.joining(", ")));
  }

  private String frontMatter() {
    List<String> lines = new ArrayList<>();
    lines.add("---");
    lines.add("license: " + quoted(license().orElse("unknown")));
    baseModel().ifPresent(model -> lines.add("base_model: " + quoted(model)));
    lines.add("library_name: diffusers");
    lines.add("pipeline_tag: " + pipelineTag());
    lines.add("tags: [atelier, distillation]");
    lines.add("---");
    lines.add("");
    return String.join("\n", lines);
  }

  private String pipelineTag() {
    boolean texts = spec.students().network().crossAttention().isPresent();
    return texts ? "text-to-image" : "unconditional-image-generation";
  }

  private Optional<String> license() {
    return origin.flatMap(ModelOrigin::license);
  }

  /** The teacher's name on the Hub, if it is from there. */
  private Optional<String> baseModel() {
    return spec.teacher()
        .source()
        .map(SourceLocation::parse)
        .filter(HubModel.class::isInstance)
        .map(source -> ((HubModel) source).id());
  }

  private static String quoted(String text) {
    return '"' + OneLine.of(text, LONGEST).replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  private String name() {
    return shown(spec.name());
  }

  /** In one line, and without what Markdown would take for its own. */
  private static String shown(String text) {
    return OneLine.of(text, LONGEST).replaceAll("[`<>\\[\\]|]", "");
  }

  private String predicts(ModelRef model) {
    return "predicts " + SpecWord.of(model.predicts(spec.diffusion()));
  }

  private String images() {
    int side = task.dataset().resolution();
    int classes = task.dataset().classes();
    return "%d×%d%s".formatted(side, side, classes == 0 ? "" : " of %d classes".formatted(classes));
  }

  private String figures(List<String> subjects) {
    List<String> lines = new ArrayList<>();
    for (Evaluation measured : evaluations) {
      if (subjects.contains(measured.subject())) {
        Map<String, Double> figures = new TreeMap<>(measured.metrics());
        figures.remove(Metric.FRECHET_DISTANCE.key()); // the distance, by the name that it has
        figures.put(measured.metric(), measured.distance());
        figures.forEach(
            (metric, figure) ->
                lines.add(
                    "| %s | %s | %s |"
                        .formatted(measured.subject(), metric, Notation.figure(figure))));
      }
    }
    return lines.isEmpty()
        ? ""
        : "| subject | figure | |\n|---|---|---|\n%s\n\nHow they were measured is in `experiment.json`.\n"
            .formatted(String.join("\n", lines));
  }

  private String from() {
    String teacher =
        origin
            .map(ModelOrigin::source)
            .or(() -> spec.teacher().source().map(SourceSecrets::redacted))
            .map(source -> "was imported from `%s`%s".formatted(shown(source), terms()))
            .orElse("was trained by the same experiment");
    return "Made by Atelier, experiment %s. Its teacher %s.%n"
        .formatted(task.experimentId(), teacher);
  }

  /** Commit and licence of the teacher's source. */
  private String terms() {
    return origin
        .map(
            known ->
                "%s, %s"
                    .formatted(
                        known.revision().map(commit -> " at commit " + commit).orElse(""),
                        known
                            .license()
                            .map(terms -> "license " + shown(terms))
                            .orElse("license not stated")))
        .orElse("");
  }
}
