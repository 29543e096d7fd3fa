#include "node/cli/parser.h"

#include <algorithm>
#include <list>
#include <set>

#include <CLI/CLI.hpp>

#include "node/cli/exit_code.h"

namespace tocsin::cli {
namespace {

std::string long_name(std::string_view name) {
  const std::size_t comma = name.find(',');
  return std::string(comma == std::string_view::npos ? name : name.substr(comma + 1));
}

// CLI11 keeps pointers to where values go, so the cells live in a list.
struct Cell {
  CLI::App* app;
  const OptionSpec* spec;
  std::vector<std::string> values;
  bool on = false;
};

class Grammar {
 public:
  Grammar() : root_("", "tocsin") {
    prepare(root_);
    add_all(root_, global_options());
    for (const Command& command : command_table()) add(command);
  }

  Result<Parsed> parse(const std::vector<std::string>& words) {
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    try {
      root_.parse(reversed);
    } catch (const CLI::ParseError& error) {
      return tocsin::fail(usage_error(error.what(), "tocsin --help"));
    }
    Parsed out;
    CLI::App* at = &root_;
    while (!at->get_subcommands().empty()) {
      at = at->get_subcommands().front();
      out.path += (out.path.empty() ? "" : " ") + at->get_name();
    }
    for (const Command& command : command_table()) {
      if (command.path == out.path) out.command = &command;
    }
    for (const Cell& cell : cells_) {
      const std::string name = long_name(cell.spec->name);
      if (cell.app != &root_ && cell.app != at) continue;
      if (cell.on) out.arguments.add(name, "");
      for (const std::string& value : cell.values) out.arguments.add(name, value);
    }
    out.help = out.arguments.has("--help");
    TRY(leftovers(out, at));
    if (!out.help && out.command != nullptr) TRY(complete(out));
    return out;
  }

 private:
  static void prepare(CLI::App& app) {
    app.set_help_flag();
    app.allow_extras();
    app.require_subcommand(0, 1);
    app.fallthrough();
  }
  void add_all(CLI::App& app, std::span<const OptionSpec> specs) {
    for (const OptionSpec& spec : specs) {
      Cell& cell = cells_.emplace_back(Cell{&app, &spec, {}, false});
      if (spec.is_switch()) {
        app.add_flag(std::string(spec.name), cell.on);
      } else {
        CLI::Option* option = app.add_option(std::string(spec.name), cell.values);
        if (spec.positional() && !spec.repeated()) option->expected(1);
        if (!spec.positional() || !spec.repeated()) option->allow_extra_args(false);
      }
    }
  }
  void add(const Command& command) {
    CLI::App* at = &root_;
    std::string_view rest = command.path;
    while (!rest.empty()) {
      const std::string word(rest.substr(0, rest.find(' ')));
      rest.remove_prefix(std::min(rest.size(), word.size() + 1));
      const std::vector<CLI::App*> known =
          at->get_subcommands([&word](CLI::App* app) { return app->get_name() == word; });
      CLI::App* next = known.empty() ? at->add_subcommand(word) : known.front();
      if (known.empty()) prepare(*next);
      at = next;
    }
    add_all(*at, command.options);
  }

  // Words that no option and no argument took.
  Status leftovers(const Parsed& parsed, CLI::App* at) {
    const std::vector<std::string> extra = root_.remaining(true);
    const std::string help = "tocsin " + parsed.path + (parsed.path.empty() ? "" : " ") + "--help";
    const auto dashed =
        std::find_if(extra.begin(), extra.end(), [](const std::string& w) { return w.front() == '-'; });
    if (dashed != extra.end()) {
      const std::string near = nearest(dashed->substr(0, dashed->find('=')), option_names(at));
      return tocsin::fail(
          usage_error("unknown option " + *dashed, near.empty() ? help : "did you mean " + near + "?"));
    }
    if (parsed.command == nullptr && !extra.empty()) {
      const std::string whole = parsed.path.empty() ? extra.front() : parsed.path + " " + extra.front();
      const std::string near = nearest(extra.front(), subcommand_names(at));
      const std::string full = parsed.path.empty() ? near : parsed.path + " " + near;
      return tocsin::fail(usage_error("unknown command \"" + whole + "\"",
                                      near.empty() ? help : "did you mean  tocsin " + full + " ?"));
    }
    if (!extra.empty())
      return tocsin::fail(usage_error("unexpected argument \"" + extra.front() + "\"", help));
    return {};
  }

  static Status complete(const Parsed& parsed) {
    std::string missing;
    for (const OptionSpec& spec : parsed.command->options) {
      const std::string name = long_name(spec.name);
      if (spec.required() && !parsed.arguments.has(name)) {
        missing +=
            (missing.empty() ? "" : ", ") + name + (spec.positional() ? "" : " " + std::string(spec.value));
      }
      if (!spec.repeated() && parsed.arguments.all(name).size() > 1) {
        return tocsin::fail(usage_error(name + " was given more than once"));
      }
    }
    if (missing.empty()) return {};
    return tocsin::fail(usage_error(std::string(parsed.command->path) + " needs " + missing,
                                    "tocsin " + parsed.path + " --help"));
  }

  static std::vector<std::string> subcommand_names(CLI::App* app) {
    std::vector<std::string> names;
    for (const CLI::App* sub : app->get_subcommands([](CLI::App*) { return true; }))
      names.push_back(sub->get_name());
    return names;
  }
  std::vector<std::string> option_names(CLI::App* app) const {
    std::vector<std::string> names;
    for (const Cell& cell : cells_) {
      if (!cell.spec->positional() && (cell.app == app || cell.app == &root_)) {
        names.push_back(long_name(cell.spec->name));
      }
    }
    return names;
  }

  CLI::App root_;
  std::list<Cell> cells_;
};

}  // namespace

Result<Parsed> parse_command_line(const std::vector<std::string>& words) {
  if (std::find(words.begin(), words.end(), std::string()) != words.end() && words.front().empty()) {
    return tocsin::fail(usage_error("an empty word is no command", "tocsin --help"));
  }
  return Grammar().parse(words);
}

}  // namespace tocsin::cli
