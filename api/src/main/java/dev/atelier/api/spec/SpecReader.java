package dev.atelier.api.spec;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.api.AtelierConfig;
import dev.atelier.api.spec.RefusedDocumentException.Reason;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NormGroups;
import dev.atelier.spec.SourcePolicy;
import dev.atelier.spec.SpecFault;
import dev.atelier.spec.SpecRules;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.StudySpec;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.ModelKey;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import jakarta.validation.ConstraintViolation;
import jakarta.validation.Validation;
import jakarta.validation.Validator;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.hibernate.validator.HibernateValidator;
import org.hibernate.validator.messageinterpolation.ParameterMessageInterpolator;

/** Reads what users write, or says everything that is wrong with it at once. */
@ApplicationScoped
public class SpecReader {

  private static final String STUDENTS = "students.";
  private static final SpecFault NO_BASE =
      new SpecFault("base", "is required: what the experiments have in common ({}: all defaults).");

  private final SchemaCheck specSchema = new SchemaCheck(SpecSchema.of(ExperimentSpec.class));
  private final SchemaCheck studySchema = new SchemaCheck(SpecSchema.of(StudySpec.class));
  private final SchemaCheck overridesSchema =
      new SchemaCheck(SpecSchema.of(TrainingOverrides.class));
  private final SchemaCheck extensionSchema = new SchemaCheck(SpecSchema.of(Extension.class));
  private final SchemaCheck replacementSchema =
      new SchemaCheck(SpecSchema.of(StudentReplacement.class));
  private final SchemaCheck webhookSchema = new SchemaCheck(SpecSchema.of(WebhookRequest.class));
  private final Validator validator =
      Validation.byProvider(HibernateValidator.class)
          .configure()
          .messageInterpolator(new ParameterMessageInterpolator())
          .buildValidatorFactory()
          .getValidator();

  private final Map<Class<?>, SchemaCheck> otherSchemas = new ConcurrentHashMap<>();
  private final int maxBytes;
  private final SourcePolicy sources;

  /** With the usual limits, and sources anywhere. */
  public SpecReader() {
    this.maxBytes = DocumentParser.MAX_BYTES;
    this.sources = SourcePolicy.OPEN;
  }

  @Inject
  SpecReader(AtelierConfig config) {
    this.maxBytes = config.limits().specBytes();
    AtelierConfig.Sources allowed = config.sources();
    this.sources =
        new SourcePolicy(
            allowed.hosts(),
            allowed.privateAddresses(),
            allowed.directories().orElse(List.of()),
            allowed.buckets(),
            config.s3().bucket(),
            allowed.hub());
  }

  /** Reads another document of users; throws {@link RefusedDocumentException}. */
  public <T extends Record> T document(byte[] document, DocumentFormat format, Class<T> type) {
    return read(
        document,
        format,
        otherSchemas.computeIfAbsent(type, t -> new SchemaCheck(SpecSchema.of(type))),
        type,
        (bound, wrong) -> List.of());
  }

  /** Reads the spec of an experiment; throws {@link RefusedDocumentException}. */
  public ExperimentSpec spec(byte[] document, DocumentFormat format) {
    return fitting(read(document, format, specSchema, ExperimentSpec.class, this::rules));
  }

  /** As {@link #spec(byte[], DocumentFormat)}, of a document that is read already. */
  public ExperimentSpec spec(JsonNode document) {
    return fitting(bind(document.deepCopy(), specSchema, ExperimentSpec.class, this::rules));
  }

  /** The rules of the spec, and where its sources may lie. */
  private List<SpecFault> rules(ExperimentSpec written, Collection<String> wrong) {
    ExperimentSpec spec = NormGroups.stated(written);
    List<SpecFault> faults = new ArrayList<>(SpecRules.check(spec, wrong));
    Set<String> known = new HashSet<>(wrong);
    faults.forEach(fault -> known.add(fault.field()));
    sources.faults(spec).stream()
        .filter(fault -> !known.contains(fault.field()))
        .forEach(faults::add);
    return faults;
  }

  private static ExperimentSpec fitting(ExperimentSpec written) {
    ExperimentSpec spec = NormGroups.stated(written);
    int bytes = SpecJson.bytes(spec);
    if (bytes > ExperimentSpec.MAX_BYTES) {
      throw new RefusedDocumentException(
          Reason.INVALID,
          List.of(
              new SpecFault(
                  "",
                  "The spec must have at most %d bytes as JSON with its defaults, found %d."
                      .formatted(ExperimentSpec.MAX_BYTES, bytes))));
    }
    return spec;
  }

  /**
   * Reads a study; throws {@link RefusedDocumentException}. What its experiments have in common is
   * checked field by field only: rules between fields are for each experiment as a whole.
   */
  public StudyDocument study(byte[] document, DocumentFormat format) {
    JsonNode tree = DocumentParser.parse(document, format, maxBytes);
    boolean lacksBase = !tree.hasNonNull("base");
    StudySpec spec =
        bind(
            tree,
            studySchema,
            StudySpec.class,
            (bound, wrong) -> lacksBase ? List.of(NO_BASE) : List.of());
    return new StudyDocument(
        spec,
        tree.get("base") instanceof ObjectNode base ? base : SpecJson.MAPPER.createObjectNode());
  }

  /** Reads overrides of training settings; throws {@link RefusedDocumentException}. */
  public TrainingOverrides overrides(byte[] document, DocumentFormat format) {
    return read(
        document, format, overridesSchema, TrainingOverrides.class, (bound, wrong) -> List.of());
  }

  /** Reads how far a model shall be trained; throws {@link RefusedDocumentException}. */
  public Extension extension(byte[] document, DocumentFormat format) {
    return read(document, format, extensionSchema, Extension.class, (bound, wrong) -> List.of());
  }

  /** Reads whom to tell of what; throws {@link RefusedDocumentException}. */
  public WebhookRequest webhook(byte[] document, DocumentFormat format) {
    return read(
        document,
        format,
        webhookSchema,
        WebhookRequest.class,
        (bound, wrong) ->
            bound.faults().stream().filter(fault -> !wrong.contains(fault.field())).toList());
  }

  /** Reads what a student shall become; throws {@link RefusedDocumentException}. */
  public StudentReplacement replacement(byte[] document, DocumentFormat format) {
    return read(
        document, format, replacementSchema, StudentReplacement.class, (bound, wrong) -> List.of());
  }

  /**
   * What {@code model} shall become, with all that it leaves to defaults, checked by the rules of
   * the experiment's spec; throws {@link RefusedDocumentException}.
   */
  public StudentReplacement checked(
      StudentReplacement written, ExperimentSpec spec, ModelKey model) {
    StudentsSpec design =
        model.student().isPresent()
            ? spec.students().designOf(model.student().getAsInt())
            : spec.students();
    StudentReplacement replacement = NormGroups.stated(written, spec, design.network());
    ExperimentSpec changed = spec.with(replacement.appliedTo(design));
    List<SpecFault> faults =
        SpecRules.check(changed, List.of()).stream()
            .filter(fault -> fault.field().startsWith(STUDENTS))
            .map(f -> new SpecFault(f.field().substring(STUDENTS.length()), f.message()))
            .toList();
    if (!faults.isEmpty()) {
      throw new RefusedDocumentException(Reason.INVALID, faults);
    }
    return replacement;
  }

  /** Checks the fields of a bound document together, given the paths of those that are wrong. */
  private interface Rules<T> {
    List<SpecFault> check(T bound, Collection<String> wrong);
  }

  private <T> T read(
      byte[] document, DocumentFormat format, SchemaCheck schema, Class<T> type, Rules<T> rules) {
    return bind(DocumentParser.parse(document, format, maxBytes), schema, type, rules);
  }

  private <T> T bind(JsonNode tree, SchemaCheck schema, Class<T> type, Rules<T> rules) {
    if (!(tree instanceof ObjectNode fields)) {
      throw new RefusedDocumentException(
          Reason.INVALID, List.of(new SpecFault("", "The document must be a set of fields.")));
    }
    Map<FieldPath, String> wrong = new LinkedHashMap<>(FormerNames.replace(fields, type));
    wrong.putAll(schema.takeFaults(fields));
    Optional<T> bound = bind(fields, type, wrong);
    List<SpecFault> faults = new ArrayList<>();
    bound.ifPresent(value -> violations(value, wrong));
    wrong.forEach((path, message) -> faults.add(new SpecFault(path.toString(), message)));
    bound.ifPresent(
        value -> faults.addAll(rules.check(value, faults.stream().map(SpecFault::field).toList())));
    if (type != WebhookRequest.class) { // a receiver's address is in no history and no list
      Set<String> known = faults.stream().map(SpecFault::field).collect(Collectors.toSet());
      SecretTexts.faults(fields).stream()
          .filter(fault -> !known.contains(fault.field()))
          .forEach(faults::add);
    }
    if (!faults.isEmpty()) {
      throw new RefusedDocumentException(Reason.INVALID, faults);
    }
    return bound.orElseThrow();
  }

  private static <T> Optional<T> bind(
      ObjectNode fields, Class<T> type, Map<FieldPath, String> wrong) {
    try {
      return Optional.of(SpecJson.MAPPER.treeToValue(fields, type));
    } catch (JsonMappingException e) {
      List<Object> steps = new ArrayList<>();
      for (JsonMappingException.Reference step : e.getPath()) {
        steps.add(step.getFieldName() == null ? step.getIndex() : step.getFieldName());
      }
      wrong.put(new FieldPath(steps), "cannot be read: %s".formatted(e.getOriginalMessage()));
    } catch (JsonProcessingException e) {
      wrong.put(new FieldPath(List.of()), "cannot be read: %s".formatted(e.getOriginalMessage()));
    }
    return Optional.empty();
  }

  private <T> void violations(T value, Map<FieldPath, String> wrong) {
    List<FieldPath> known = List.copyOf(wrong.keySet());
    for (ConstraintViolation<T> violation : validator.validate(value)) {
      FieldPath path = FieldPath.of(violation.getPropertyPath());
      if (known.stream().noneMatch(k -> k.holds(path) || path.holds(k))) {
        wrong.putIfAbsent(path, violation.getMessage() + ".");
      }
    }
  }
}
