package dev.atelier.untrusted;

import dev.atelier.untrusted.Script.Binding;
import dev.atelier.untrusted.Script.Call;
import dev.atelier.untrusted.Script.ClassDef;
import dev.atelier.untrusted.Script.Expr;
import dev.atelier.untrusted.Script.Function;
import dev.atelier.untrusted.Script.Name;
import dev.atelier.untrusted.Script.Other;
import dev.atelier.untrusted.Script.Parameter;
import dev.atelier.untrusted.Script.Select;
import dev.atelier.untrusted.Script.Subscript;
import dev.atelier.untrusted.Script.Text;
import dev.atelier.untrusted.Script.Unit;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Holds TorchScript to a list of allowed operators. Whatever is called by a name is one of them, or
 * a method or function of the same archive; where the receiver's class is not known for certain, it
 * is one of the operators, since libtorch finds {@code aten::save} as {@code x.save(…)} too.
 */
final class ScriptCheck {

  private static final String ROOT = "__torch__";
  private static final String NATIVE = "__torch__.torch.classes";
  private static final Set<String> OPERATORS = operators();
  private static final Set<String> PRIM =
      Set.of(
          "NumToTensor",
          "RaiseException",
          "TupleConstruct",
          "TupleIndex",
          "TupleUnpack",
          "ListConstruct",
          "ListUnpack",
          "DictConstruct",
          "Uninitialized",
          "abs",
          "data",
          "device",
          "dtype",
          "grad",
          "id",
          "is_cpu",
          "is_cuda",
          "is_meta",
          "is_mkldnn",
          "is_mps",
          "is_nested",
          "is_quantized",
          "is_sparse",
          "is_xla",
          "isinstance",
          "itemsize",
          "layout",
          "max",
          "min",
          "name",
          "ndim",
          "rangelist",
          "requires_grad",
          "shape",
          "tolist",
          "type",
          "unchecked_cast",
          "unchecked_unwrap_optional");
  private static final Set<String> FUNCTIONS =
      Set.of(
          "Exception",
          "AssertionError",
          "NotImplementedError",
          "RuntimeError",
          "ValueError",
          "abs",
          "all",
          "annotate",
          "any",
          "bool",
          "chr",
          "complex",
          "dict",
          "divmod",
          "enumerate",
          "float",
          "getattr",
          "hasattr",
          "int",
          "isinstance",
          "len",
          "list",
          "max",
          "min",
          "ord",
          "range",
          "rangelist",
          "reversed",
          "round",
          "sorted",
          "str",
          "sum",
          "tuple",
          "unchecked_cast",
          "uninitialized",
          "unwrap_optional",
          "zip");
  private static final Set<String> BASES =
      Set.of("Module", "Interface", "ModuleInterface", "NamedTuple", "Enum", "Exception");

  private final Map<String, ClassDef> classes = new HashMap<>();
  private final Map<String, Function> functions = new HashMap<>();

  /** Checks the files of an archive, by the names that their classes begin with. */
  static void check(Map<String, Unit> units) throws RefusedCodeException {
    ScriptCheck check = new ScriptCheck();
    for (Map.Entry<String, Unit> unit : units.entrySet()) {
      for (ClassDef type : unit.getValue().classes()) {
        if (check.classes.put(unit.getKey() + "." + type.name(), type) != null) {
          throw new RefusedCodeException("class %s is there twice".formatted(type.name()));
        }
      }
      for (Function function : unit.getValue().functions()) {
        check.functions.put(unit.getKey() + "." + function.name(), function);
      }
    }
    for (Map.Entry<String, Unit> unit : units.entrySet()) {
      try {
        check.check(unit.getKey(), unit.getValue());
      } catch (RefusedCodeException e) {
        throw new RefusedCodeException(
            "code of %s: %s".formatted(OneLine.of(unit.getKey(), 100), e.getMessage()), e);
      }
    }
  }

  private void check(String module, Unit unit) throws RefusedCodeException {
    for (ClassDef type : unit.classes()) {
      check(module + "." + type.name(), type);
    }
    for (Function function : unit.functions()) {
      new Body(function, Optional.empty()).check();
    }
  }

  private void check(String name, ClassDef type) throws RefusedCodeException {
    for (Expr base : type.bases()) {
      if (!(base instanceof Name plain) || !BASES.contains(plain.id())) {
        throw new RefusedCodeException("class %s has a base that is not known".formatted(name));
      }
    }
    Body outside =
        new Body(
            new Function("", List.of(), Optional.empty(), List.of(), List.of()), Optional.empty());
    for (Expr annotation : type.attributes().values()) {
      outside.check(annotation);
    }
    for (Expr value : type.expressions()) {
      outside.check(value);
    }
    for (Function method : type.methods().values()) {
      new Body(method, Optional.of(name)).check();
    }
  }

  /** A function, and what is known of its variables. */
  private final class Body {

    private final Function function;
    private final Map<String, String> types = new HashMap<>(); // of those that are of a class
    private final Map<String, Function> aliases = new HashMap<>(); // of those that are a function

    Body(Function function, Optional<String> self) {
      this.function = function;
      Set<String> once = new HashSet<>();
      Set<String> often = new HashSet<>();
      for (Parameter parameter : function.parameters()) {
        once.add(parameter.name());
      }
      for (Binding binding : function.bindings()) {
        if (!once.add(binding.name())) {
          often.add(binding.name()); // its class may change
        }
      }
      for (int i = 0; i < function.parameters().size(); i++) {
        Parameter parameter = function.parameters().get(i);
        Optional<String> type =
            i == 0 && self.isPresent() && parameter.type().isEmpty()
                ? self
                : parameter.type().flatMap(ScriptCheck.this::classNamed);
        if (!often.contains(parameter.name())) {
          type.ifPresent(name -> types.put(parameter.name(), name));
        }
      }
      for (Binding binding : function.bindings()) {
        if (!often.contains(binding.name())) {
          binding.value().flatMap(this::classOf).ifPresent(t -> types.put(binding.name(), t));
          binding
              .value()
              .flatMap(ScriptCheck::dotted)
              .map(functions::get)
              .ifPresent(f -> aliases.put(binding.name(), f));
        }
      }
    }

    void check() throws RefusedCodeException {
      for (Expr expression : function.expressions()) {
        check(expression);
      }
    }

    private void check(Expr expression) throws RefusedCodeException {
      if (expression instanceof Other other) {
        for (Expr part : other.parts()) {
          check(part);
        }
      } else if (expression instanceof Subscript subscript) {
        check(subscript.of());
        for (Expr index : subscript.at()) {
          check(index);
        }
      } else if (expression instanceof Select select) {
        if (!isNamed(select)) {
          check(select.of());
        }
      } else if (expression instanceof Call call) {
        for (Expr argument : call.arguments()) {
          check(argument);
        }
        checkCallee(call);
      }
    }

    /** Whether it is a name of torch, ops or the archive, all of which are checked here. */
    private boolean isNamed(Select select) throws RefusedCodeException {
      Optional<String> dotted = dotted(select);
      if (dotted.isEmpty() || types.containsKey(first(dotted.get()))) {
        return false;
      }
      String name = dotted.get();
      switch (first(name)) {
        case "torch" -> requireOperator(name.substring("torch.".length()), select.line());
        case "ops" -> {
          String of = name.substring("ops.".length());
          if (of.startsWith("prim.")) {
            if (!PRIM.contains(of.substring("prim.".length()))) {
              throw refused("the operator prim::" + of.substring("prim.".length()), select.line());
            }
          } else if (of.startsWith("aten.")) {
            requireOperator(of.substring("aten.".length()), select.line());
          } else {
            throw refused("the operator " + of.replaceFirst("\\.", "::"), select.line());
          }
        }
        case ROOT -> requireOwn(name, select.line());
        default -> {
          return false;
        }
      }
      return true;
    }

    private void checkCallee(Call call) throws RefusedCodeException {
      Expr callee = call.callee();
      Optional<String> callable = classOf(callee);
      if (callable.isPresent()) {
        check(callee);
        requireMethod(callable.get(), Set.of("forward", "__call__"), call.line());
      } else if (callee instanceof Name name) {
        if (aliases.containsKey(name.id())) {
          return;
        }
        if (!FUNCTIONS.contains(name.id())
            || function.bindings().stream().anyMatch(b -> b.name().equals(name.id()))) {
          throw refused("a call of " + name.id(), call.line());
        }
      } else if (callee instanceof Select select) {
        if (isNamed(select)) {
          return;
        }
        check(select.of());
        Optional<String> receiver = classOf(select.of());
        if (receiver.isPresent()) {
          requireMethod(receiver.get(), Set.of(select.attribute()), call.line());
        } else {
          requireOperator(select.attribute(), call.line());
        }
      } else {
        throw refused("a call of what has no name", call.line());
      }
    }

    /** The class of which the value is an object, where that is certain. */
    private Optional<String> classOf(Expr value) {
      if (value instanceof Name name) {
        return Optional.ofNullable(types.get(name.id()));
      } else if (value instanceof Select select) {
        return classOf(select.of()).flatMap(type -> attribute(type, select.attribute()));
      } else if (value instanceof Call call) {
        return classOfCall(call);
      }
      return Optional.empty();
    }

    private Optional<String> classOfCall(Call call) {
      if (call.callee() instanceof Name name && !types.containsKey(name.id())) {
        if (aliases.containsKey(name.id())) {
          return aliases.get(name.id()).returns().flatMap(ScriptCheck.this::classNamed);
        }
        boolean attribute =
            name.id().equals("getattr")
                && call.arguments().size() == 2
                && call.arguments().get(1) instanceof Text;
        if (attribute) {
          return classOf(call.arguments().get(0))
              .flatMap(type -> attribute(type, ((Text) call.arguments().get(1)).text()));
        }
        return Optional.empty();
      }
      if (call.callee() instanceof Select select) {
        Optional<String> dotted = dotted(select).filter(name -> first(name).equals(ROOT));
        if (dotted.isPresent()) {
          String made = dotted.get().replaceFirst("\\.__new__$", "");
          if (classes.containsKey(made)) {
            return Optional.of(made);
          }
          return Optional.ofNullable(functions.get(made))
              .flatMap(Function::returns)
              .flatMap(ScriptCheck.this::classNamed);
        }
        return classOf(select.of())
            .map(type -> classes.get(type).methods().get(select.attribute()))
            .flatMap(Function::returns)
            .flatMap(ScriptCheck.this::classNamed);
      }
      return Optional.empty();
    }

    private Optional<String> attribute(String type, String attribute) {
      return Optional.ofNullable(classes.get(type).attributes().get(attribute))
          .flatMap(ScriptCheck.this::classNamed);
    }
  }

  private void requireMethod(String type, Set<String> names, int line) throws RefusedCodeException {
    if (names.stream().noneMatch(classes.get(type).methods()::containsKey)) {
      throw refused(
          "a call of %s, which %s does not define"
              .formatted(names.stream().sorted().collect(Collectors.joining(" or ")), type),
          line);
    }
  }

  private static void requireOperator(String name, int line) throws RefusedCodeException {
    if (!OPERATORS.contains(name)) {
      throw refused("the operator aten::" + name, line);
    }
  }

  /** A class, a function, or something of a class. */
  private void requireOwn(String name, int line) throws RefusedCodeException {
    String owner = name.substring(0, name.lastIndexOf('.'));
    boolean own =
        classes.containsKey(name) || functions.containsKey(name) || classes.containsKey(owner);
    if (!own || name.startsWith(NATIVE)) {
      throw refused("the name %s, which its code does not define".formatted(name), line);
    }
  }

  private Optional<String> classNamed(Expr type) {
    if (type instanceof Subscript wrapped
        && wrapped.of() instanceof Name optional
        && optional.id().equals("Optional")
        && wrapped.at().size() == 1) {
      return classNamed(wrapped.at().get(0));
    }
    return dotted(type).filter(classes::containsKey);
  }

  private static Optional<String> dotted(Expr expression) {
    if (expression instanceof Name name) {
      return Optional.of(name.id());
    } else if (expression instanceof Select select) {
      return dotted(select.of()).map(of -> of + "." + select.attribute());
    }
    return Optional.empty();
  }

  private static String first(String dotted) {
    int dot = dotted.indexOf('.');
    return dot < 0 ? dotted : dotted.substring(0, dot);
  }

  private static RefusedCodeException refused(String what, int line) {
    return new RefusedCodeException(
        "line %d has %s, which is not among the operators that a user's file may use"
            .formatted(line, OneLine.of(what, 200)));
  }

  private static Set<String> operators() {
    try (InputStream list = ScriptCheck.class.getResourceAsStream("operators.txt");
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(list, StandardCharsets.UTF_8))) {
      return lines
          .lines()
          .filter(line -> !line.startsWith("#"))
          .collect(Collectors.toUnmodifiableSet());
    } catch (IOException e) {
      throw new UncheckedIOException(e); // it is in this jar
    }
  }
}
