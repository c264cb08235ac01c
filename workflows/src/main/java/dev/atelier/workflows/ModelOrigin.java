package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an imported model was made of, for who asks where it comes from.
 *
 * @param source as the spec names it, without secrets
 * @param revision the Hub's commit; absent: the source is not the Hub's
 * @param license as the source's README.md or the Hub states it; absent: neither does
 * @param files that were taken
 */
@JsonInclude(JsonInclude.Include.NON_ABSENT)
public record ModelOrigin(
    String source, Optional<String> revision, Optional<String> license, List<TakenFile> files) {

  /**
   * One file.
   *
   * @param name below the source
   * @param dtypes of its tensors; empty: it holds none, or is no safetensors file
   */
  public record TakenFile(
      String name,
      long bytes,
      String sha256,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) List<String> dtypes) {

    public TakenFile {
      dtypes = dtypes == null ? List.of() : List.copyOf(dtypes); // as Jackson leaves it
    }
  }

  public ModelOrigin {
    revision = revision == null ? Optional.empty() : revision;
    license = license == null ? Optional.empty() : license;
    files = List.copyOf(files);
  }

  /** The same with the types of the tensors of its files, by their names. */
  public ModelOrigin withDtypes(Map<String, List<String>> dtypes) {
    return new ModelOrigin(
        source,
        revision,
        license,
        files.stream()
            .map(
                file ->
                    new TakenFile(
                        file.name(),
                        file.bytes(),
                        file.sha256(),
                        dtypes.getOrDefault(file.name(), List.of())))
            .toList());
  }

  /** Source, revision and licence in words. */
  public String shown() {
    return "%s%s, %s"
        .formatted(
            source,
            revision.map(commit -> " at commit " + commit).orElse(""),
            license.map(terms -> "license " + terms).orElse("license not stated"));
  }
}
