//! Members of JSON in both spellings: `GroupId` as the AWS CLI has it, `groupId` as AWS Config has.

use serde_json::Value;

/// A value whose members are found in either spelling.
#[derive(Clone, Copy)]
pub(super) struct Node<'v>(pub(super) &'v Value);

impl<'v> Node<'v> {
    /// Returns a member; `None` if it is missing or null.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        let object = self.0.as_object()?;
        let found = object.get(name).or_else(|| {
            let mut letters = name.chars();
            let first = letters.next()?.to_ascii_lowercase();
            object.get(&format!("{first}{}", letters.as_str()))
        });
        found.filter(|value| !value.is_null()).map(Node)
    }

    /// Returns the text of a member; empty if it is missing.
    pub(super) fn text(self, name: &str) -> String {
        self.str(name).to_owned()
    }

    /// The same, borrowed.
    pub(super) fn str(self, name: &str) -> &'v str {
        let member = self.get(name).and_then(|member| member.0.as_str());
        member.unwrap_or_default()
    }

    /// Returns the number of a member, which may be in quotes.
    pub(super) fn number(self, name: &str) -> Option<i64> {
        let value = self.get(name)?.0;
        let quoted = || value.as_str()?.parse().ok();
        value.as_i64().or_else(quoted)
    }

    /// Whether a member is true.
    pub(super) fn flag(self, name: &str) -> bool {
        let value = self.get(name).map(|member| member.0);
        value.is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"))
    }

    /// Returns the elements of a member; none if it is missing.
    pub(super) fn list(self, name: &str) -> impl Iterator<Item = Self> + use<'v> {
        let elements = self.get(name).and_then(|member| member.0.as_array());
        elements.into_iter().flatten().map(Node)
    }

    /// Returns the texts of a list whose elements are texts, or objects with that text as a member.
    pub(super) fn texts(self, list: &str, member: &str) -> Vec<String> {
        let texts = self.list(list).map(|element| match element.0.as_str() {
            Some(text) => text.to_owned(),
            None => element.text(member),
        });
        texts.filter(|text| !text.is_empty()).collect()
    }

    /// Returns the Name tag; empty if there is none.
    pub(super) fn name_tag(self) -> String {
        for list in ["Tags", "TagSet"] {
            for tag in self.list(list) {
                if tag.str("Key") == "Name" {
                    return tag.text("Value");
                }
            }
        }
        self.get("Tags")
            .map_or_else(String::new, |tags| tags.text("Name"))
    }
}
